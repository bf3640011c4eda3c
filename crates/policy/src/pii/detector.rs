use std::sync::Arc;

use super::{
    Finding, Mode, PiiKind, PiiSettings, PiiSettingsError, PiiType, custom::Custom, days, kind::TypeSet, scan, tagged,
};

/// Finds personal data as a tenant's settings want it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Detector {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: PiiSettings,
    /// Built-in types that are not allowed.
    wanted: TypeSet,
    custom: Vec<Custom>,
}

/// Types that a longer finding may swallow: numbers in an address, names in the name of a company.
const LOOSE: TypeSet = tagged::TYPES.and(TypeSet::of(&[PiiType::DateTime]));

impl Detector {
    /// Compiles the settings. Refuses what cannot be used and says where and why.
    pub fn new(settings: &PiiSettings) -> Result<Self, PiiSettingsError> {
        settings.validate()?;
        let custom = settings
            .custom
            .iter()
            .enumerate()
            .map(|(at, custom)| Custom::compile(at, custom))
            .collect::<Result<_, _>>()?;
        Ok(Self::with(settings.clone(), custom))
    }

    fn with(settings: PiiSettings, custom: Vec<Custom>) -> Self {
        let mut wanted = TypeSet::default();
        for kind in PiiType::ALL.iter().copied().filter(|kind| settings.mode(&PiiKind::Builtin(*kind)) != Mode::Allow) {
            wanted.insert(kind);
        }
        Self { inner: Arc::new(Inner { settings, wanted, custom }) }
    }

    /// The settings it was made of.
    pub fn settings(&self) -> &PiiSettings {
        &self.inner.settings
    }

    /// What stands in the text, without the types that are allowed: in order, without overlaps.
    pub fn detect(&self, text: &str) -> Vec<Finding> {
        self.find(text, self.inner.wanted)
    }

    /// What stands in the text of every type, whatever its mode: in order, without overlaps.
    pub fn detect_all(&self, text: &str) -> Vec<Finding> {
        self.find(text, TypeSet::ALL)
    }

    fn find(&self, text: &str, wanted: TypeSet) -> Vec<Finding> {
        let mut findings = Vec::new();
        if wanted.meets(scan::TYPES) {
            scan::scan(text, wanted, &mut findings);
        }
        if wanted.has(PiiType::DateTime) {
            days::find(text, &mut findings);
        }
        if wanted.meets(tagged::TYPES) {
            let of_wanted = |finding: &Finding| finding.kind.builtin().is_some_and(|kind| wanted.has(kind));
            findings.extend(tagged::join_codes(tagged::tag(text)).into_iter().filter(of_wanted));
        }
        for custom in &self.inner.custom {
            custom.find(text, &mut findings);
        }
        let own = |finding: &Finding| match finding.kind {
            PiiKind::Custom(_) => Some(self.inner.settings.mode(&finding.kind)),
            PiiKind::Builtin(_) => None,
        };
        settle(findings, own)
    }
}

impl Default for Detector {
    /// With the default settings.
    fn default() -> Self {
        Self::with(PiiSettings::default(), Vec::new())
    }
}

/// Removes overlaps, given the modes of a tenant's own kinds. What lies within a tenant's exception goes. What refuses
/// the text wins, then own patterns and what has a shape of its own, then what is longer. Of a piece that loses its end or its start
/// to a better one, the rest stays if it is the greater part.
fn settle(mut findings: Vec<Finding>, own: impl Fn(&Finding) -> Option<Mode>) -> Vec<Finding> {
    findings.retain(|finding| !finding.is_empty());
    findings.sort_by_key(|finding| (finding.start, finding.end));
    except(&mut findings, &own);
    if findings.windows(2).all(|pair| matches!(pair, [a, b] if a.end <= b.start)) {
        return findings;
    }
    let rank = |finding: &Finding| {
        let class = match own(finding) {
            Some(Mode::Block) => 2,
            Some(_) => 1,
            None => u8::from(finding.kind.builtin().is_some_and(|kind| !LOOSE.has(kind))),
        };
        (class, finding.len())
    };
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&findings[*a], &findings[*b]);
        rank(b).cmp(&rank(a)).then(b.score.total_cmp(&a.score)).then(a.kind.cmp(&b.kind))
    });
    // Chosen ones by their start; they never overlap, so neighbours are enough to look at.
    let mut chosen = std::collections::BTreeMap::<usize, Finding>::new();
    for index in order {
        let mut finding = findings[index].clone();
        let whole = finding.len();
        if let Some((_, left)) = chosen.range(..=finding.start).next_back() {
            finding.start = finding.start.max(left.end);
        }
        if let Some((start, _)) = chosen.range(finding.start..).next() {
            finding.end = finding.end.min(*start);
        }
        if finding.start < finding.end && finding.len() * 2 > whole {
            chosen.insert(finding.start, finding);
        }
    }
    chosen.into_values().collect()
}

/// Removes what lies within an exception, all exceptions included that another one contains. Sorted in, sorted out.
fn except(findings: &mut Vec<Finding>, own: impl Fn(&Finding) -> Option<Mode>) {
    let exceptions: Vec<(usize, usize)> = findings
        .iter()
        .filter(|finding| own(finding) == Some(Mode::Allow))
        .map(|finding| (finding.start, finding.end))
        .collect();
    if exceptions.is_empty() {
        return;
    }
    let (mut next, mut reach) = (0, 0);
    findings.retain(|finding| {
        // Of all exceptions that start no later, the one that reaches farthest decides.
        while let Some((start, end)) = exceptions.get(next).filter(|(start, _)| *start <= finding.start) {
            debug_assert!(*start <= *end);
            reach = reach.max(*end);
            next += 1;
        }
        finding.end > reach
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::CustomPattern;

    fn custom(name: &str, pattern: Option<&str>, words: &[&str], mode: Mode) -> CustomPattern {
        CustomPattern {
            name: name.into(),
            pattern: pattern.map(Into::into),
            words: words.iter().map(|word| (*word).into()).collect(),
            mode,
        }
    }

    fn found<'t>(detector: &Detector, text: &'t str) -> Vec<(String, &'t str)> {
        let findings = detector.detect(text);
        findings.iter().map(|f| (f.kind.to_string(), text.get(f.start..f.end).unwrap())).collect()
    }

    #[test]
    fn allowed_types_are_left_out_and_hide_nothing() {
        let text = "https://x.example/?mail=ada@example.org on 2021-03-04";
        let detector = Detector::default();
        assert_eq!(found(&detector, text), [("EMAIL_ADDRESS".into(), "ada@example.org")]);
        let all: Vec<_> = detector.detect_all(text).iter().map(|finding| finding.kind.to_string()).collect();
        assert!(all.contains(&"DATE_TIME".into()) && all.contains(&"URL".into()), "{all:?}");
        let strict = Detector::new(&PiiSettings::default().with_mode(PiiType::EmailAddress, Mode::Allow)).unwrap();
        assert_eq!(found(&strict, text), []);
    }

    #[test]
    fn own_patterns_and_words() {
        let settings = PiiSettings {
            custom: vec![
                custom("BADGE", Some(r"\bB-\d{4}\b"), &[], Mode::Pseudonymise),
                custom("PROJECT", None, &["Blue Heron", "Kranich"], Mode::Block),
                custom("OURS", None, &["support@example.org"], Mode::Allow),
            ],
            ..PiiSettings::default()
        };
        let detector = Detector::new(&settings).unwrap();
        assert_eq!(
            found(&detector, "B-1234 of blue heron, not B-12345 or Kraniche; support@example.org, ada@example.org"),
            [("BADGE".into(), "B-1234"), ("PROJECT".into(), "blue heron"), ("EMAIL_ADDRESS".into(), "ada@example.org")]
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_its_path() {
        let good = || custom("A", Some("x"), &[], Mode::Mask);
        for (entries, path, problem) in [
            (vec![good(), custom("B", Some("x("), &[], Mode::Mask)], "custom[1].pattern", "does not compile"),
            (vec![good(), good()], "custom[1].name", "repeats the name"),
            (vec![custom("a", Some("x"), &[], Mode::Mask)], "custom[0].name", "`a` is no name"),
            (vec![custom("FOO_1", Some("x"), &[], Mode::Mask)], "custom[0].name", "`FOO_1` is no name"),
            (vec![custom("PERSON", Some("x"), &[], Mode::Mask)], "custom[0].name", "`PERSON` is taken"),
            (vec![custom("LITERAL", Some("x"), &[], Mode::Mask)], "custom[0].name", "`LITERAL` is taken"),
            (vec![custom("A", None, &[], Mode::Mask)], "custom[0]", "has neither"),
            (vec![custom("A", Some("x"), &["yy"], Mode::Mask)], "custom[0]", "has both"),
            (vec![custom("A", None, &["ok", " x"], Mode::Mask)], "custom[0].words[1]", "is empty"),
            (vec![custom("A", None, &["ok", "OK"], Mode::Mask)], "custom[0].words[1]", "stands in the list twice"),
            (vec![custom("A", Some(&"x".repeat(1_001)), &[], Mode::Mask)], "custom[0].pattern", "has 1001 bytes"),
            (vec![good(); 101], "custom", "has 101 entries"),
        ] {
            let error = Detector::new(&PiiSettings { custom: entries, ..PiiSettings::default() }).unwrap_err();
            assert_eq!(error.path, path, "{error}");
            assert!(error.problem.starts_with(problem), "{error}");
        }
    }

    #[test]
    fn settings_are_read_strictly() {
        let settings: PiiSettings =
            serde_json::from_str(r#"{"modes":{"PERSON":"block"},"custom":[{"name":"B","words":["xx"]}]}"#).unwrap();
        assert_eq!(settings.mode(&PiiType::Person.into()), Mode::Block);
        assert_eq!(settings.mode(&"B".into()), Mode::Pseudonymise);
        assert_eq!(serde_json::from_str::<PiiSettings>(&serde_json::to_string(&settings).unwrap()).unwrap(), settings);
        for bad in [
            r#"{"mode":{}}"#,
            r#"{"modes":{"NOBODY":"mask"}}"#,
            r#"{"modes":{"PERSON":"MASK"}}"#,
            r#"{"custom":[{"name":"B","word":[]}]}"#,
        ] {
            assert!(serde_json::from_str::<PiiSettings>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_certain_win_and_the_rest_of_the_loser_stays() {
        let finding = |start, end, kind, score| Finding::new(start, end, kind, score);
        let settled = settle(
            vec![
                finding(0, 20, PiiType::StreetAddress, 0.8),
                finding(14, 22, PiiType::EmailAddress, 1.0),
                finding(30, 34, PiiType::Person, 0.5),
                finding(30, 40, PiiType::Organization, 0.5),
            ],
            |_| None,
        );
        let spans: Vec<_> = settled.iter().map(|finding| (finding.start, finding.end)).collect();
        assert_eq!(spans, [(0, 14), (14, 22), (30, 40)]);
    }
}
