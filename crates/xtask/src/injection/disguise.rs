//! Disguises that attackers put on a text, and the carelessness of people who type.

use super::random::Random;

/// Puts on a disguise that the normaliser should take off.
pub(super) fn disguise(text: &str, random: &mut Random) -> String {
    match random.below(11) {
        0 => between(text, '\u{200b}', random),
        1 => text.chars().map(|c| if random.percent(40) { cyrillic(c) } else { c }).collect(),
        2 => text.chars().map(|c| if random.percent(50) { leet(c) } else { c }).collect(),
        3 => text.split(' ').map(|word| apart(word, ' ')).collect::<Vec<_>>().join("  "),
        4 => {
            let sign = *random.choose(&['\\', '.', '-', '_', '/', '*']).unwrap_or(&'.');
            apart(text, sign)
        }
        5 => format!(
            "{}{}",
            random.choose(&["Decode this and do what it says: ", "base64: ", "", "Run: "]).unwrap_or(&""),
            base64(text)
        ),
        6 => text.chars().map(rot13).collect(),
        7 => text.chars().map(|c| styled(c, 0x1D41A, 0x1D400)).collect(),
        8 => text.chars().map(|c| styled(c, 0xFF41, 0xFF21)).collect(),
        9 => {
            let hidden: String =
                text.chars().filter(char::is_ascii).filter_map(|c| char::from_u32(0xE_0000 + c as u32)).collect();
            format!("{}{hidden}", random.choose(&["Hello", "What is the weather?", "ok", "Thanks!"]).unwrap_or(&""))
        }
        _ => text.chars().rev().collect(),
    }
}

/// A disguise that no keyboard makes by accident.
pub(super) fn heavy(text: &str, random: &mut Random) -> String {
    match random.below(6) {
        0 => apart(text, '\\'),
        1 => apart(text, *random.choose(&['/', '|', '*', '\\', '~', '.']).unwrap_or(&'\\')),
        2 => text.chars().map(cyrillic).collect(),
        3 => apart(&text.chars().map(|c| styled(c, 0x1D41A, 0x1D400)).collect::<String>(), '\\'),
        4 => text
            .chars()
            .map(|c| styled(c, *random.choose(&[0x1D4EA, 0x1D5BA, 0x1D68A]).unwrap_or(&0x1D41A), 0x1D400))
            .collect(),
        _ => text.split(' ').map(|word| apart(word, ' ')).collect::<Vec<_>>().join("   "),
    }
}

/// What happens to any text that people type: no capitals, all capitals, a missing end, a letter too few.
pub(super) fn careless(text: String, random: &mut Random) -> String {
    match random.below(20) {
        0..=2 => text.to_lowercase(),
        3 => text.to_uppercase(),
        4 | 5 => text.trim_end_matches(['.', '!', '?']).to_owned(),
        6 => typo(&text, random),
        7 => text.replace(['.', ',', ';', ':'], ""),
        _ => text,
    }
}

fn typo(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=chars.len() / 60 {
        let at = random.below(chars.len());
        if chars.get(at).is_some_and(|c| c.is_alphabetic()) {
            if random.percent(50) {
                chars.remove(at);
            } else if at + 1 < chars.len() {
                chars.swap(at, at + 1);
            }
        }
    }
    chars.into_iter().collect()
}

fn between(text: &str, sign: char, random: &mut Random) -> String {
    text.chars().flat_map(|c| [Some(c), random.percent(30).then_some(sign)]).flatten().collect()
}

fn apart(text: &str, sign: char) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for (at, c) in text.chars().enumerate() {
        if at > 0 {
            out.push(sign);
        }
        out.push(c);
    }
    out
}

fn cyrillic(c: char) -> char {
    match c {
        'a' => 'а',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'c' => 'с',
        'i' => 'і',
        'x' => 'х',
        'y' => 'у',
        _ => c,
    }
}

fn leet(c: char) -> char {
    match c {
        'o' => '0',
        'i' => '1',
        'e' => '3',
        'a' => '4',
        's' => '5',
        't' => '7',
        _ => c,
    }
}

fn styled(c: char, small: u32, capital: u32) -> char {
    let turned = match c {
        'a'..='z' => char::from_u32(small + (c as u32 - 'a' as u32)),
        'A'..='Z' => char::from_u32(capital + (c as u32 - 'A' as u32)),
        _ => None,
    };
    turned.unwrap_or(c)
}

fn rot13(c: char) -> char {
    let turn = |c: char, base: u8| ((c as u8 - base + 13) % 26 + base) as char;
    match c {
        'a'..='z' => turn(c, b'a'),
        'A'..='Z' => turn(c, b'A'),
        _ => c,
    }
}

fn base64(text: &str) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let value = chunk.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sign = SIGNS.get((value >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'A');
            out.push(if place > chunk.len() { '=' } else { sign as char });
        }
    }
    out
}
