//! Ages, by the words around a small number.

use super::{
    PiiType, Scan,
    cues::{after, before},
    run::{Run, Separator},
};

impl Scan<'_, '_> {
    /// A number up to 120 that the words around call an age.
    pub(super) fn age(&mut self, run: &Run) -> Option<usize> {
        if !self.wanted.has(PiiType::Age) || run.digits_of(0) > 3 || run.plus || run.bracket || run.tied {
            return None;
        }
        if matches!(run.separator(0), Some(separator) if separator != Separator::Space) {
            return None;
        }
        let (start, end) = (run.start_of(0), run.end_of(0));
        let years: u8 = self.text.get(start..end)?.parse().ok()?;
        let aged = (1..=120).contains(&years)
            && !self.goes_on(end)
            && (says_age_behind(after(self.text, end, 16)) || self.says_age_before(start, end));
        aged.then(|| self.found(start, end, PiiType::Age, 0.8))
    }

    fn says_age_before(&self, start: usize, end: usize) -> bool {
        let lower = before(self.text, start, 32).to_lowercase();
        let ends = match self.byte(end) {
            0 | b'.' | b',' | b';' | b'!' | b'?' | b')' | b'\n' | b'\r' => !self.byte(end + 1).is_ascii_digit(),
            b' ' => after(self.text, end, 8).to_ascii_lowercase().starts_with(" year"),
            _ => false,
        };
        let Some(lower) = lower.strip_suffix(' ') else { return false };
        let stated = ["age of", " aged", "age:", "age is", "alter:", "im alter von", "alter von"];
        let told = [
            "just turned",
            "'ll turn",
            "’ll turn",
            "will turn",
            "he turned",
            "she turned",
            "he turns",
            "she turns",
            "when he was",
            "when she was",
            "when i was",
            "when they were",
            "turning",
            "he is",
            "she is",
            "he's",
            "she's",
            "i am",
            "i'm",
        ];
        let person = told.iter().any(|word| lower.ends_with(word));
        (stated.iter().any(|word| lower.ends_with(word)) || lower == "aged") && (ends || self.byte(end) == b' ')
            || person && ends
    }
}

/// "years old", "-year-old", "y/o", "Jahre alt", "-jährige".
fn says_age_behind(text: &str) -> bool {
    let lower = text.to_lowercase().replace('-', " ");
    let lower = lower.trim_start();
    let unit = ["years ", "year ", "yrs ", "yr "].iter().find_map(|unit| lower.strip_prefix(unit));
    unit.is_some_and(|rest| rest.starts_with("old") || rest.starts_with("of age"))
        || ["y/o", "y.o.", "yo ", "jahre alt", "jährig", "jahre jung"].iter().any(|word| lower.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::Age;

    #[test]
    fn ages() {
        for (text, age) in [
            ("This 79 year old female complaining", "79"),
            ("i'm 31 y/o.", "31"),
            ("My brother just turned 60", "60"),
            ("on the weekend. I'll turn 23.", "23"),
            ("Patient is a 35-year-old male", "35"),
            ("He just turned 69 years old", "69"),
            ("Written when he was 78.", "78"),
            ("retired at the age of 45", "45"),
            ("sie ist 34 Jahre alt", "34"),
            ("der 34-jährige Schlosser", "34"),
            ("Alter: 52", "52"),
            ("a woman aged 41", "41"),
        ] {
            only(text, Age, age);
        }
        for text in [
            "turn 90 degrees",
            "turned 3 mm",
            "a 5 year warranty",
            "the tool is 12.5",
            "after 3 years",
            "300 year old",
            "he is 1.5",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
