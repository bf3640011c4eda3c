//! Words that are known: names, places, street words, plain words. Kept as fingerprints in a hash table, so that the
//! whole list takes three bytes a slot and a look-up touches one cache line.

/// Classes of a word, one bit each.
pub mod class {
    #![expect(missing_docs, reason = "the names say it")]
    pub const GIVEN: u8 = 1;
    pub const SURNAME: u8 = 2;
    pub const CITY: u8 = 4;
    pub const COUNTRY: u8 = 8;
    pub const STREET: u8 = 16;
    pub const COMPANY: u8 = 32;
    pub const ROLE: u8 = 64;
    /// A nationality or religion: no bit of its own, because no word is both otherwise.
    pub const GROUP: u8 = COUNTRY | ROLE;
    /// Seen often in lower case in plain text.
    pub const PLAIN: u8 = 128;
}

const SLOT_BYTES: usize = 3;

/// Slots looked at for a word, at most; at half load hardly any word is further from its place.
const PROBES: u32 = 64;

/// A view of a lexicon's bytes: slots of a 16-bit fingerprint and the classes. Open addressing, zero is empty.
#[derive(Clone, Copy, Debug)]
pub struct Lexicon<'a> {
    slots: &'a [u8],
    mask: u32,
}

impl<'a> Lexicon<'a> {
    /// `None` unless the number of slots is a power of two.
    pub fn new(slots: &'a [u8]) -> Option<Self> {
        let count = slots.len() / SLOT_BYTES;
        (count.is_power_of_two() && slots.len() == count * SLOT_BYTES).then(|| Self { slots, mask: (count - 1) as u32 })
    }

    /// The classes of the word with this hash; 0 for an unknown word, wrong for one unknown word in some ten thousand.
    pub fn classes(&self, word: u32) -> u8 {
        let (first, fingerprint) = place(word);
        for probe in 0..PROBES {
            let slot = (first.wrapping_add(probe) & self.mask) as usize * SLOT_BYTES;
            match self.slots.get(slot..slot + SLOT_BYTES) {
                Some(&[_, _, 0]) | None => return 0,
                Some(&[low, high, classes]) if u16::from_le_bytes([low, high]) == fingerprint => return classes,
                Some(_) => {}
            }
        }
        0
    }
}

fn place(word: u32) -> (u32, u16) {
    let mixed = word.wrapping_mul(0x85eb_ca6b);
    let mixed = mixed ^ (mixed >> 15);
    (mixed, (word ^ (word >> 16)) as u16)
}

/// The bytes of a lexicon of these words: hash and classes. At most half of the slots are taken.
pub fn build(words: &[(u32, u8)]) -> Vec<u8> {
    let count = (words.len() * 2).next_power_of_two();
    let mask = (count - 1) as u32;
    let mut slots = vec![0_u8; count * SLOT_BYTES];
    for &(word, classes) in words.iter().filter(|(_, classes)| *classes != 0) {
        let (first, fingerprint) = place(word);
        let [low, high] = fingerprint.to_le_bytes();
        for probe in 0..PROBES {
            let slot = (first.wrapping_add(probe) & mask) as usize * SLOT_BYTES;
            if let Some([l, h, c]) = slots.get_mut(slot..slot + SLOT_BYTES)
                && (*c == 0 || (*l, *h) == (low, high))
            {
                (*l, *h) = (low, high);
                *c |= classes;
                break;
            }
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_with_all_their_classes_and_others_are_not() {
        let words: Vec<_> = (0..1000_u32).map(|n| (n.wrapping_mul(2_654_435_761), (n % 7) as u8 + 1)).collect();
        let bytes = build(&words);
        let lexicon = Lexicon::new(&bytes).unwrap();
        let wrong = words.iter().filter(|(word, classes)| lexicon.classes(*word) != *classes).count();
        assert!(wrong <= 2, "{wrong}");
        let false_hits = (0..1000_u32).filter(|n| lexicon.classes(n.wrapping_mul(40_503) ^ 0x5555_0000) != 0).count();
        assert!(false_hits <= 5, "{false_hits}");
    }
}
