//! A run of digit groups with separators between them, such as `+41 (0)96 471 07 95` or `2021-03-04`.

use super::Scan;

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// One space, also an unbreakable one.
    Space,
    /// A hyphen or a short dash.
    Dash,
    /// A full stop.
    Dot,
    /// A slash.
    Slash,
    /// A bracket, with a space or a hyphen or without.
    Bracket,
}

/// The most groups that are read at once.
pub(super) const MOST: usize = 9;

/// Digit groups and what stands around them. All offsets are bytes of the text.
pub(super) struct Run {
    starts: [usize; MOST],
    ends: [usize; MOST],
    separators: [Separator; MOST],
    groups: usize,
    /// Where it starts, with a `+` or an opening bracket.
    pub(super) start: usize,
    /// Whether a `+` stands before the first digit.
    pub(super) plus: bool,
    /// Whether a bracket opens before the first digit.
    pub(super) bracket: bool,
    /// Whether a letter or a digit is tied to its left, as in `A-123`.
    pub(super) tied: bool,
}

impl Run {
    /// How many groups there are.
    pub(super) const fn len(&self) -> usize {
        self.groups
    }

    /// Where a group starts.
    pub(super) fn start_of(&self, group: usize) -> usize {
        self.starts.get(group).copied().unwrap_or(0)
    }

    /// Where a group ends.
    pub(super) fn end_of(&self, group: usize) -> usize {
        self.ends.get(group).copied().unwrap_or(0)
    }

    /// How many digits a group has; 0 if there is no such group.
    pub(super) fn digits_of(&self, group: usize) -> usize {
        if group < self.groups { self.end_of(group) - self.start_of(group) } else { 0 }
    }

    /// How many digits the first groups have together.
    pub(super) fn digits(&self, groups: usize) -> usize {
        (0..groups).map(|group| self.digits_of(group)).sum()
    }

    /// What stands behind a group, if another group follows.
    pub(super) fn separator(&self, group: usize) -> Option<Separator> {
        if group + 1 < self.groups { self.separators.get(group).copied() } else { None }
    }

    /// Whether the first groups all have this separator between them.
    pub(super) fn joined_by(&self, groups: usize, separator: Separator) -> bool {
        (0..groups.saturating_sub(1)).all(|group| self.separator(group) == Some(separator))
    }

    /// Whether the lengths of the first groups are these.
    pub(super) fn shaped(&self, shape: &[usize]) -> bool {
        shape.len() <= self.groups && shape.iter().enumerate().all(|(group, digits)| self.digits_of(group) == *digits)
    }

    /// How many groups there are up to the first space: what is tied together.
    pub(super) fn tied_groups(&self) -> usize {
        (0..self.groups)
            .find(|group| self.separator(*group) == Some(Separator::Space))
            .map_or(self.groups, |group| group + 1)
    }
}

impl Scan<'_, '_> {
    /// Reads the run whose first digit stands here.
    pub(super) fn run(&self, at: usize) -> Run {
        let mut run = Run {
            starts: [0; MOST],
            ends: [0; MOST],
            separators: [Separator::Space; MOST],
            groups: 0,
            start: at,
            plus: false,
            bracket: false,
            tied: false,
        };
        for _ in 0..2 {
            match self.before(run.start) {
                b'+' if !run.plus => run.plus = true,
                b'(' if !run.bracket => run.bracket = true,
                _ => break,
            }
            run.start -= 1;
        }
        if matches!(self.before(run.start), b'-' | b'.' | b'/' | b'+' | b',' | b':') && run.start >= 2 {
            let byte = self.byte(run.start - 2);
            run.tied = byte.is_ascii_digit()
                || (byte.is_ascii_alphabetic() && matches!(self.before(run.start), b'-' | b'/' | b'+'));
        } else {
            run.tied = run.start < at && self.inside_word(run.start);
        }
        let mut from = at;
        for group in 0..MOST {
            let to = self.skip(from, 24, |byte| byte.is_ascii_digit());
            if let (Some(start), Some(end)) = (run.starts.get_mut(group), run.ends.get_mut(group)) {
                (*start, *end) = (from, to);
            }
            run.groups = group + 1;
            let Some((length, separator)) = self.separator_at(to) else { break };
            if !self.byte(to + length).is_ascii_digit() {
                break;
            }
            if let Some(slot) = run.separators.get_mut(group) {
                *slot = separator;
            }
            from = to + length;
        }
        run
    }

    fn separator_at(&self, at: usize) -> Option<(usize, Separator)> {
        let mut length = usize::from(self.byte(at) == b')');
        let mut separator = Separator::Bracket;
        if let Some((one, plain)) = self.plain_separator(at + length) {
            if length == 0 {
                separator = plain;
            }
            length += one;
        }
        if self.byte(at + length) == b'(' {
            return Some((length + 1, Separator::Bracket));
        }
        (length > 0).then_some((length, separator))
    }

    fn plain_separator(&self, at: usize) -> Option<(usize, Separator)> {
        match self.byte(at) {
            b' ' => Some((1, Separator::Space)),
            b'-' => Some((1, Separator::Dash)),
            b'.' => Some((1, Separator::Dot)),
            b'/' => Some((1 + usize::from(self.byte(at + 1) == b' '), Separator::Slash)),
            // NO-BREAK SPACE, and the hyphens and dashes of U+2010 to U+2013 and NARROW NO-BREAK SPACE.
            0xC2 if self.byte(at + 1) == 0xA0 => Some((2, Separator::Space)),
            0xE2 if self.byte(at + 1) == 0x80 => match self.byte(at + 2) {
                0x90..=0x93 => Some((3, Separator::Dash)),
                0xAF => Some((3, Separator::Space)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The digits of the first groups.
    pub(super) fn digits(&self, run: &Run, groups: usize) -> Digits {
        let mut digits = Digits::default();
        for group in 0..groups {
            for at in run.start_of(group)..run.end_of(group) {
                digits.push(self.byte(at));
            }
        }
        digits
    }
}

/// Up to 32 decimal digits, as numbers.
#[derive(Default)]
pub(super) struct Digits {
    values: [u8; 32],
    length: usize,
}

impl Digits {
    /// Adds an ASCII digit; others and those beyond the last place are left out.
    pub(super) fn push(&mut self, byte: u8) {
        if let (true, Some(slot)) = (byte.is_ascii_digit(), self.values.get_mut(self.length)) {
            *slot = byte - b'0';
            self.length += 1;
        }
    }

    /// The digits.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.values.get(..self.length).unwrap_or_default()
    }

    /// The number that so many digits from a place make; 0 beyond the end.
    pub(super) fn number(&self, from: usize, count: usize) -> u32 {
        self.as_slice().iter().skip(from).take(count).fold(0, |sum, digit| sum * 10 + u32::from(*digit))
    }
}
