use proptest::prelude::*;

use super::*;

fn all_pseudonymised() -> Detector {
    let mut settings = PiiSettings::default();
    for kind in PiiType::ALL {
        settings.modes.insert(*kind, Mode::Pseudonymise);
    }
    settings.custom.push(CustomPattern {
        name: "NAME".into(),
        pattern: Some(r"\b(?:Ada|Bob|Eve)(?: [A-Z][a-z]+)?\b|\[|PERSON".into()),
        words: Vec::new(),
        mode: Mode::Pseudonymise,
    });
    Detector::new(&settings).unwrap()
}

fn names(mode: Mode) -> Detector {
    let words = ["Ada Lovelace", "Ann", "Ann Lee"].map(Into::into).to_vec();
    let custom = vec![CustomPattern { name: "NAME".into(), pattern: None, words, mode }];
    Detector::new(&PiiSettings { custom, ..PiiSettings::default() }).unwrap()
}

#[test]
fn the_same_value_has_the_same_placeholder_and_every_spelling_comes_back() {
    let mut vault = Vault::default();
    let text = "Ada Lovelace, ADA LOVELACE, Ada Lovelace; +49 711 123456-0 or +49 711 1234560";
    let redacted = vault.redact(&names(Mode::Pseudonymise), text);
    assert_eq!(redacted.text, "[NAME_1], [NAME_1v2], [NAME_1]; [PHONE_NUMBER_1] or [PHONE_NUMBER_1v2]");
    assert_eq!(redacted.counts.into_iter().collect::<Vec<_>>(), [("NAME".into(), 3), ("PHONE_NUMBER".into(), 2)]);
    assert_eq!(vault.restore(&redacted.text), text);
    assert_eq!(vault.len(), 2);
}

#[test]
fn modes() {
    let text = "Ann Lee: bob@example.org";
    let mut vault = Vault::default();
    let masked = vault.redact(&names(Mode::Mask), text);
    assert_eq!(masked.text, "[NAME]: [EMAIL_ADDRESS_1]");
    assert_eq!(vault.restore(&masked.text), "[NAME]: bob@example.org");
    let blocked = vault.redact(&names(Mode::Block), text);
    assert_eq!((blocked.text.as_str(), blocked.blocked), ("[NAME]: [EMAIL_ADDRESS_1]", vec!["NAME".into()]));
    let allowed = vault.redact(&names(Mode::Allow), text);
    assert_eq!((allowed.text.as_str(), allowed.counts.len()), ("Ann Lee: [EMAIL_ADDRESS_1]", 1));
}

#[test]
fn a_text_that_talks_of_placeholders_is_not_filled_in() {
    let mut vault = Vault::default();
    let detector = names(Mode::Pseudonymise);
    let text = r"[NAME_1] and \[name\_2\] and [LITERAL_1] are no Ann Lee, [TABLE_1] is [Ann]";
    let redacted = vault.redact(&detector, text);
    assert_eq!(redacted.text, "[LITERAL_1] and [LITERAL_2] and [LITERAL_3] are no [NAME_1], [TABLE_1] is [[NAME_2]]");
    assert_eq!(vault.restore(&redacted.text), text);
    assert_eq!(redacted.counts.into_iter().collect::<Vec<_>>(), [("NAME".into(), 2)]);
}

#[test]
fn a_vault_survives_being_stored() {
    let mut vault = Vault::default();
    let detector = names(Mode::Pseudonymise);
    assert!(vault.is_empty() && !vault.is_changed());
    let redacted = vault.redact(&detector, "Ann met ann and Ann Lee at a@b.cz");
    assert!(vault.is_changed());
    let mut again = Vault::from_json(&vault.to_json()).unwrap();
    assert!(!again.is_changed());
    assert_eq!(again.restore(&redacted.text), "Ann met ann and Ann Lee at a@b.cz");
    assert_eq!(again.redact(&detector, "ann lee, Ann").text, "[NAME_2v2], [NAME_1]");
    assert!(again.is_changed(), "a new spelling");
    for bad in [
        "",
        "{}",
        r#"{"version":2,"entries":[]}"#,
        r#"{"version":1,"entries":[{"kind":"A","number":1,"spellings":[]}]}"#,
    ] {
        assert_eq!(Vault::from_json(bad).err(), Some(InvalidVault), "{bad}");
    }
    let twice = r#"{"version":1,"entries":[{"kind":"A","number":1,"spellings":["x"]},{"kind":"A","number":1,"spellings":["y"]}]}"#;
    assert!(Vault::from_json(twice).is_err());
}

#[test]
fn known_values_are_masked_without_being_looked_for() {
    let mut vault = Vault::default();
    vault.redact(&names(Mode::Pseudonymise), "Ann, Ann Lee, [NAME_7]");
    let text = "Ann Leeds and Ann Lee, Annika, [NAME_1], new@example.org";
    assert_eq!(vault.mask_known(text), "[NAME_1] Leeds and [NAME_2], Annika, [NAME_1], new@example.org");
    assert_eq!(Vault::default().mask_known(text), text);
}

#[test]
fn models_alter_placeholders_a_little() {
    let mut vault = Vault::default();
    vault.redact(&names(Mode::Pseudonymise), "Ann Lee");
    for (text, restored) in [
        ("[name_1], [ NAME_1 ], **[NAME_1]**", "Ann Lee, Ann Lee, **Ann Lee**"),
        (r"\[NAME_1\] \[NAME\_1\]", "Ann Lee Ann Lee"),
        ("[[NAME_1]] NAME_1 [NAME_2] [NAME_1v2] [NAME]", "[Ann Lee] NAME_1 [NAME_2] [NAME_1v2] [NAME]"),
        (r"\[NAME_1] [NAME_1\]", r"\Ann Lee [NAME_1\]"),
    ] {
        assert_eq!(vault.restore(text), restored);
    }
}

#[test]
fn hostile_streams_are_read_once() {
    let mut vault = Vault::default();
    vault.redact(&names(Mode::Pseudonymise), "Ann");
    for unit in ["[", "\\", "[A_1", "[NAME_1", "\\[", "[NAME_1]", "[AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_"] {
        let text = unit.repeat(200_000 / unit.len());
        let mut restorer = vault.restorer();
        for at in 0..text.len() {
            restorer.push(&text[at..=at]);
            assert!(restorer.held_back() < super::placeholder::LONGEST);
        }
        assert!(restorer.work() < text.len() * 2 * super::placeholder::LONGEST, "{unit}: {}", restorer.work());
    }
}

/// The shortest of three times that this takes.
fn shortest(mut work: impl FnMut()) -> std::time::Duration {
    let times = (0..3).map(|_| {
        let start = std::time::Instant::now();
        work();
        start.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn hostile_texts_take_time_in_proportion_to_their_length() {
    let detector = all_pseudonymised();
    for unit in [
        "1",
        "1 ",
        "1-",
        "1.",
        "(1",
        "a@",
        "a.",
        "@a.b",
        ":",
        "::",
        "a:",
        "://",
        "http://",
        "http://a)",
        "12:34:",
        "1.2.3.4.",
        "A1",
        "GB29 ",
        "[",
        "[PERSON_1]",
        "[PERSON_",
        "\\[",
        "Ada ",
        "+49 7",
        "00 49 ",
        "x-",
        "é",
        "2021-",
        "phone 1 ",
        "Tel. 0711/1234567 ",
        "a@b.cz ",
    ] {
        let long = unit.repeat(24_000 / unit.len());
        let short = &long[..long.len() / unit.len() / 8 * unit.len()];
        let redact = |text: &str| {
            let mut vault = Vault::default();
            let redacted = vault.redact(&detector, text);
            assert_eq!(vault.restore(&redacted.text), text);
            vault.mask_known(text);
            detector.detect_all(text);
        };
        let (once, eight) = (shortest(|| redact(short)), shortest(|| redact(&long)));
        // Eight times the text may take 8 times as long, not 64 times; the rest is for a busy machine.
        let bound = once * 32 + std::time::Duration::from_millis(100);
        assert!(eight < bound, "{unit:?}: {once:?}, {eight:?}");
    }
}

#[test]
fn nobody_reads_a_vault_in_a_log() {
    let mut vault = Vault::default();
    vault.redact(&names(Mode::Pseudonymise), "Ann Lee");
    assert_eq!(format!("{vault:?} {:?}", vault.restorer()), "Vault(1 values) Restorer(0 bytes held)");
}

/// Text of pieces that are likely to confuse: brackets, escapes, names, numbers, placeholders.
fn confusing() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("Ada Lovelace".to_owned()),
        Just("Ann".into()),
        Just(" ".into()),
        Just("[".into()),
        Just("]".into()),
        Just("\\".into()),
        Just("_".into()),
        Just("[NAME_1]".into()),
        Just("[LITERAL_1]".into()),
        Just("NAME_1".into()),
        Just("1".into()),
        Just("v2".into()),
        Just("[PERSON_1v2]".into()),
        Just("PERSON".into()),
        Just("a@b.cz".into()),
        Just("Tel. 0711/123456".into()),
        Just("192.168.0.1".into()),
        Just("é\u{a0}".into()),
        Just("\\[".into()),
        Just("\\]".into()),
        Just("https://x.de/".into()),
        Just("2021-03-04".into()),
        Just("Mr. Bob".into()),
        Just("4111 1111 1111 1111".into()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_text_comes_back_byte_for_byte(texts in prop::collection::vec(confusing(), 1..4)) {
        let detector = all_pseudonymised();
        let mut vault = Vault::default();
        let redacted: Vec<_> = texts.iter().map(|text| vault.redact(&detector, text).text).collect();
        let stored = Vault::from_json(&vault.to_json()).unwrap();
        for (text, redacted) in texts.iter().zip(&redacted) {
            prop_assert_eq!(&vault.restore(redacted), text);
            prop_assert_eq!(&stored.restore(redacted), text);
        }
    }

    #[test]
    fn wherever_a_stream_is_cut_it_comes_out_the_same(text in confusing(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut vault = Vault::default();
        vault.redact(&names(Mode::Pseudonymise), "Ada Lovelace, Ann, Ann Lee [NAME_1]");
        let whole = vault.restore(&text);
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| *cut.get(&places)).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let mut restorer = vault.restorer();
        let mut streamed: String = cuts.windows(2).map(|cut| restorer.push(&text[cut[0]..cut[1]])).collect();
        streamed.push_str(&restorer.finish());
        prop_assert_eq!(&streamed, &whole);
        let mut restorer = vault.restorer();
        let mut streamed: String = text.chars().map(|c| restorer.push(c.encode_utf8(&mut [0; 4]))).collect();
        streamed.push_str(&restorer.finish());
        prop_assert_eq!(&streamed, &whole);
    }

    #[test]
    fn findings_lie_between_characters_in_order_and_apart(text in confusing()) {
        let detector = all_pseudonymised();
        let mut at = 0;
        for finding in detector.detect_all(&text) {
            prop_assert!(at <= finding.start && finding.start < finding.end);
            prop_assert!(text.get(finding.start..finding.end).is_some());
            at = finding.end;
        }
    }

    #[test]
    fn any_text_is_survived(text in "\\PC*|[0-9 .,:/@+()x-]*|[0-9a-fA-F:.é\u{a0}–-]*") {
        Detector::default().detect_all(&text);
        let mut vault = Vault::default();
        let redacted = vault.redact(&all_pseudonymised(), &text);
        prop_assert_eq!(vault.restore(&redacted.text), text);
    }
}
