//! Letters that look like Latin ones.
//!
//! Fullwidth, mathematical and circled letters are folded by NFKC already; this table holds what NFKC leaves: Cyrillic,
//! Greek, Armenian, Cherokee and small capitals that are read as Latin letters.

const PAIRS: &str = "аa вb еe ёe ѕs іi їi јj оo рp сc хx уy һh ԁd ԛq ԝw ѵv ґr тt нh кk мm гr пn иu зz \
    АA ВB ЕE ЁE ЅS ІI ЇI ЈJ ОO РP СC ХX УY ТT НH КK МM ԚQ ԜW Ѵv ЗZ \
    αa βb γy εe ηn ιi κk νv οo ρp τt υu χx ωw σo δd θo πn \
    ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ΔD ΠP ΩW ΣE Λa \
    ɑa ɡg ɩi ɪi ʏy ʙb ɢg ʜh ʟl ɴn ʀr ꜱs ᴀa ᴄc ᴅd ᴇe ᴊj ᴋk ᴍm ᴏo ᴘp ᴛt ᴜu ᴠv ᴡw ᴢz ǝe ɐa ɹr ʇt ʌv ʍw ɯm ɥh ɔc ıi łl øo đd \
    օo սu հh ոn զq ցg յj ꓮA ꓐB ꓚC ꓓD ꓰE ꓝF ꓖG ꓧH ꓲI ꓙJ ꓗK ꓡL ꓟM ꓠN ꓳO ꓑP ꓣR ꓢS ꓔT ꓴU ꓦV ꓪW ꓫX ꓬY ꓜZ \
    ƖI ƨs ʋu ϲc ϳj ᎠD ᎡR ᎢT ᎥI ᎪA ᎫJ ᎬE ᎳW ᎷM ᎻH ᏀG ᏃZ ᏚS ᏞL ᏢP ᏦK";

/// The Latin letter this one looks like.
pub(super) fn latin(c: char) -> Option<char> {
    static TABLE: std::sync::LazyLock<std::collections::HashMap<char, char>> = std::sync::LazyLock::new(|| {
        PAIRS
            .split_whitespace()
            .filter_map(|pair| {
                let mut chars = pair.chars();
                Some((chars.next()?, chars.next()?))
            })
            .collect()
    });
    if c.is_ascii() { None } else { TABLE.get(&c).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_become_latin() {
        assert_eq!("іgnоrе".chars().map(|c| latin(c).unwrap_or(c)).collect::<String>(), "ignore");
        assert_eq!(latin('a'), None);
        assert_eq!(latin('ž'), None);
    }
}
