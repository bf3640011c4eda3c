//! What the tagger looks at for each token, as rows of a table of weights.

use super::token::Token;

/// Features of a token.
pub const COUNT: usize = 30;

/// Tokens that a feature may look at on either side.
pub const REACH: usize = 2;

fn mix(id: u32, a: u32, b: u32) -> u32 {
    let h = (a ^ id.wrapping_mul(0x9e37_79b1)).wrapping_mul(0x85eb_ca6b);
    let h = (h ^ (h >> 13)).wrapping_add(b).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// The rows, out of `rows`, of the features of the token at `at`.
pub fn rows_of(tokens: &[Token], at: usize, rows: u32) -> [u32; COUNT] {
    let look = |offset: isize| at.checked_add_signed(offset).and_then(|at| tokens.get(at)).copied().unwrap_or_default();
    let (before2, before, here, after, after2) = (look(-2), look(-1), look(0), look(1), look(2));
    let class = |token: &Token| u32::from(token.shape) << 8 | u32::from(token.lexicon);
    let shape = u32::from(here.shape);
    let (c_before2, c_before, c, c_after, c_after2) =
        (class(&before2), class(&before), class(&here), class(&after), class(&after2));
    let shapes = u32::from(before.shape) << 16 | shape << 8 | u32::from(after.shape);
    let lines = u32::from(here.line) << 8 | u32::from(here.paragraph);
    let suffix3 = here.suffix & 0x00ff_ffff;
    let pair = |a: u32, b: u32| a.rotate_left(16) ^ b;
    let hashes = [
        mix(0, u32::from(here.case), shape),
        mix(1, here.word, 0),
        mix(2, before.word, 0),
        mix(3, after.word, 0),
        mix(4, before2.word, 0),
        mix(5, after2.word, 0),
        mix(6, before.word, here.word),
        mix(7, here.word, after.word),
        mix(8, before2.word, before.word),
        mix(9, after.word, after2.word),
        mix(10, c, u32::from(here.case)),
        mix(11, pair(c_before, c), 0),
        mix(12, pair(c, c_after), 0),
        mix(13, shapes, u32::from(here.lexicon)),
        mix(14, suffix3, shape),
        mix(15, here.suffix, 0),
        mix(16, here.suffix & 0xffff, shape),
        mix(17, here.prefix, shape),
        mix(18, before.word, c),
        mix(19, after.word, c),
        mix(20, after.suffix & 0x00ff_ffff, shape),
        mix(21, before.suffix & 0x00ff_ffff, shape),
        mix(22, before2.word, u32::from(before.shape) << 8 | shape),
        mix(23, shapes, u32::from(before2.shape) << 8 | u32::from(after2.shape)),
        mix(24, here.head, shape),
        mix(25, pair(before.word, after.word), shape),
        mix(26, pair(c_before2, c_before), c),
        mix(27, pair(c_after2, c_after), c),
        mix(28, shapes, lines),
        mix(29, c, lines),
    ];
    hashes.map(|hash| ((u64::from(hash) * u64::from(rows)) >> 32) as u32)
}
