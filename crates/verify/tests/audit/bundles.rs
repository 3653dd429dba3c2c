//! Bundles that were cut, mixed, retold or signed by somebody else.

use brygga_domain::event::Officer;
use brygga_domain::{Event, Fact, OfficerProof, OfficerPseudonym};
use brygga_merkle::{Checkpoint, Ed25519Signer, sign_checkpoint};
use brygga_verify::{
    Auditor, BundleError, BundleReader, BundleWriter, Code, Expected, HEADER_LINE_BYTES_MAX, Header, LEAF_LINE_BYTES_MAX, Options, Report, Trust, Verdict,
    audit_bundle,
};

use crate::forge::audit;
use crate::story::story;
use crate::world::{ORIGIN, bundle, checkpoint, header, key, leaves, note};

/// What somebody does to the leaves or lines.
type Change = fn(&mut Vec<Vec<u8>>);

fn with_key() -> Options {
    Options { key: Some(key()), ..Options::default() }
}

fn read(bundle: &[u8], options: Options) -> Report {
    audit_bundle(bundle, options, &mut |_, _| {})
}

fn codes(report: &Report) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

fn truth() -> (Vec<Vec<u8>>, Vec<u8>) {
    let leaves = leaves(&story().events);
    let note = note(&leaves);
    (leaves, note)
}

fn honest() -> Vec<u8> {
    let (leaves, note) = truth();
    bundle(&header(leaves.len()), &leaves, &note)
}

/// The lines of a bundle, each with its newline.
fn lines(bundle: &[u8]) -> Vec<Vec<u8>> {
    bundle.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn an_honest_bundle_is_verified_and_progress_is_told() {
    let honest = honest();
    let mut told = Vec::new();
    let report = audit_bundle(honest.as_slice(), with_key(), &mut |read, of| told.push((read, of)));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Verified, Vec::new()));
    assert_eq!(told.len(), usize::try_from(report.entries).unwrap());
    assert_eq!(told.last(), Some(&(report.entries, report.entries)));
    assert_eq!((report.origin.as_str(), report.key, report.key_trusted), (ORIGIN, key().encode(), true));
}

#[test]
fn a_bundle_reads_back_as_it_was_written() {
    let (leaves, note) = truth();
    let honest = honest();
    let mut reader = BundleReader::open(honest.as_slice()).unwrap();
    assert_eq!(*reader.header(), header(leaves.len()));
    for leaf in &leaves {
        assert_eq!(reader.next_leaf().unwrap().as_ref(), Some(leaf));
    }
    assert!(reader.next_leaf().unwrap().is_none());
    assert_eq!(reader.checkpoint().unwrap(), note);
}

#[test]
fn the_key_of_the_bundle_alone_is_not_enough() {
    let (leaves, earlier) = truth();
    let honest = honest();
    let alone = read(&honest, Options::default());
    assert_eq!((alone.verdict, codes(&alone), alone.key_trusted), (Verdict::Inconclusive, Vec::new(), false));
    let believed = read(&honest, Options { trust_bundle_key: true, ..Options::default() });
    assert_eq!(believed.verdict, Verdict::Verified);
    let pinned = read(&honest, Options { pin: Some(earlier), ..Options::default() });
    assert_eq!(pinned.verdict, Verdict::Verified, "a pinned checkpoint vouches for the key that signed it");
    let older = note(&leaves[..7]);
    assert_eq!(read(&honest, Options { pin: Some(older), ..Options::default() }).verdict, Verdict::Verified);
    let empty = note(&[]);
    assert_eq!(read(&honest, Options { pin: Some(empty), ..Options::default() }).verdict, Verdict::Verified);
}

#[test]
fn every_flipped_bit_of_a_leaf_is_caught() {
    let (leaves, note) = truth();
    for (at, leaf) in leaves.iter().enumerate() {
        for byte in (0..leaf.len()).step_by(11) {
            let mut changed = leaves.clone();
            changed[at][byte] ^= 1 << (byte % 8);
            let report = audit(&changed, &note);
            assert_eq!(report.verdict, Verdict::Failed);
            assert!(codes(&report).contains(&Code::RootDiffers), "leaf {at}, byte {byte}");
        }
    }
}

#[test]
fn a_leaf_that_is_no_event_is_named() {
    let (mut leaves, _) = truth();
    leaves[5] = b"garbage".to_vec();
    let report = audit(&leaves, &note(&leaves));
    assert!(report.findings.iter().any(|finding| finding.code == Code::LeafUnreadable && finding.position == Some(5)));
}

#[test]
fn leaves_that_are_dropped_swapped_repeated_or_slipped_in_are_caught() {
    let (leaves, note) = truth();
    let table: [(&str, Change, Code); 6] = [
        ("dropped in the middle", |leaves| drop(leaves.remove(9)), Code::SizeDiffers),
        ("dropped at the end", |leaves| drop(leaves.pop()), Code::SizeDiffers),
        ("slipped in", |leaves| leaves.insert(9, leaves[3].clone()), Code::SizeDiffers),
        ("appended", |leaves| leaves.push(leaves[3].clone()), Code::SizeDiffers),
        ("swapped", |leaves| leaves.swap(9, 10), Code::RootDiffers),
        ("another in its place", |leaves| leaves[9] = leaves[10].clone(), Code::RootDiffers),
    ];
    for (what, change, code) in table {
        let mut changed = leaves.clone();
        change(&mut changed);
        // The header goes along, so that only the signed checkpoint can tell.
        let report = read(&bundle(&header(changed.len()), &changed, &note), with_key());
        assert_eq!(report.verdict, Verdict::Failed, "{what}");
        assert!(codes(&report).contains(&code), "{what}: {:?}", codes(&report));
    }
    let mut twice = leaves.clone();
    twice[10] = leaves[9].clone();
    assert!(codes(&audit(&twice, &note)).contains(&Code::EventTwice));
}

#[test]
fn a_log_retold_with_the_true_key_is_caught_by_the_pin() {
    let (leaves, pin) = truth();
    let mut shorter = story().events;
    shorter.pop();
    let shorter = crate::world::leaves(&shorter);
    let with_pin = || Options { key: Some(key()), pin: Some(pin.clone()), ..Options::default() };
    let report = read(&bundle(&header(shorter.len()), &shorter, &note(&shorter)), with_pin());
    assert_eq!((report.verdict, codes(&report)), (Verdict::Failed, vec![Code::PinSize]));

    let mut retold = story().events;
    retold.last_mut().unwrap().blinding = [0; 32];
    let retold = crate::world::leaves(&retold);
    assert_eq!(retold.len(), leaves.len());
    let report = read(&bundle(&header(retold.len()), &retold, &note(&retold)), with_pin());
    assert_eq!((report.verdict, codes(&report)), (Verdict::Failed, vec![Code::PinDiffers]));
}

#[test]
fn a_foreign_key_is_caught() {
    let (leaves, _) = truth();
    let other = Ed25519Signer::from_seed([8; 32]);
    let foreign_note = sign_checkpoint(&checkpoint(&leaves), ORIGIN, &other).unwrap();
    let true_header = header(leaves.len());
    let foreign_header = Header { vkey: other.note_key(ORIGIN).unwrap().encode(), ..true_header.clone() };

    let report = read(&bundle(&true_header, &leaves, &foreign_note), with_key());
    assert_eq!((report.verdict, codes(&report)), (Verdict::Failed, vec![Code::NoteUnsigned]));
    let report = read(&bundle(&foreign_header, &leaves, &foreign_note), with_key());
    assert_eq!((report.verdict, codes(&report)), (Verdict::Failed, vec![Code::KeyDiffers, Code::NoteUnsigned]));
    // Nobody brought a key: the pin is the auditor's own, and the foreign key did not sign it.
    let options = Options { pin: Some(note(&leaves)), ..Options::default() };
    let report = read(&bundle(&foreign_header, &leaves, &foreign_note), options);
    assert_eq!((report.verdict, codes(&report)), (Verdict::Failed, vec![Code::KeyDiffers]));
    // The auditor's own two papers contradict each other: that says nothing against the log.
    let options = Options { key: Some(key()), pin: Some(foreign_note), ..Options::default() };
    let report = read(&honest(), options);
    assert_eq!((report.verdict, codes(&report)), (Verdict::Inconclusive, Vec::new()));
}

#[test]
fn a_wrong_signature_or_another_origin_is_caught() {
    let (leaves, note) = truth();
    let text = String::from_utf8(note).unwrap();
    let (body, signature) = text.rsplit_once(' ').unwrap();
    let mut bytes = signature.trim_end().as_bytes().to_vec();
    bytes[20] = if bytes[20] == b'A' { b'B' } else { b'A' };
    let wrong = format!("{body} {}\n", String::from_utf8(bytes).unwrap());
    let report = audit(&leaves, wrong.as_bytes());
    assert_eq!(codes(&report), [Code::NoteWrongSignature]);

    let report = audit(&leaves, b"no note");
    assert_eq!(codes(&report), [Code::NoteMalformed]);

    let other = Checkpoint { origin: String::from("other.invalid/log"), ..checkpoint(&leaves) };
    let elsewhere = sign_checkpoint(&other, "other.invalid/log", &crate::world::signer()).unwrap();
    let report = audit(&leaves, &elsewhere);
    assert_eq!(codes(&report), [Code::NoteUnsigned, Code::OriginDiffers]);

    let retitled = Header { origin: String::from("other.invalid/log"), ..header(leaves.len()) };
    let report = read(&bundle(&retitled, &leaves, &crate::world::note(&leaves)), with_key());
    assert_eq!(codes(&report), [Code::OriginDiffers]);
}

#[test]
fn a_table_that_is_not_at_hand_is_a_doubt() {
    let table = brygga_domain::GroundTable::load(&format!("{}\n", brygga_domain::grounds::SHIPPED)).unwrap();
    let hash = table.hash();
    let mut events = story().events;
    for event in &mut events {
        if let Fact::GroundTableActivated { table, .. } = &mut event.fact {
            *table = hash;
        } else if let Fact::ClearanceDecided(decision) = &mut event.fact {
            decision.table = hash;
        } else if let Fact::ClearanceConfirmed(second) = &mut event.fact {
            second.table = hash;
        }
    }
    let leaves = leaves(&events);
    let retold = bundle(&header(leaves.len()), &leaves, &note(&leaves));
    let report = read(&retold, with_key());
    assert_eq!((report.verdict, codes(&report)), (Verdict::Inconclusive, Vec::new()));
    let report = read(&retold, Options { tables: vec![table], ..with_key() });
    assert_eq!(report.verdict, Verdict::Verified);
}

#[test]
fn a_table_under_which_nothing_happened_need_not_be_at_hand() {
    let events = story().events;
    let [Event { fact: Fact::GroundTableActivated { table: shipped, .. }, .. }, ..] = &events[1..] else { panic!("{:?}", events[1].fact) };
    let officer = |letter| OfficerPseudonym([letter; 16]);
    let begun = Event { fact: Fact::GroundTableActivated { table: brygga_domain::TableHash([7; 32]), proposed_by: None }, ..events[1].clone() };
    let agreed = Event {
        id: events[2].id,
        officer: Some(Officer { pseudonym: officer(2), proof: OfficerProof::Asserted }),
        fact: Fact::GroundTableActivated { table: *shipped, proposed_by: Some(officer(1)) },
        ..events[1].clone()
    };
    let leaves = leaves(&[events[0].clone(), begun, agreed]);
    let report = read(&bundle(&header(leaves.len()), &leaves, &note(&leaves)), with_key());
    assert_eq!((report.verdict, codes(&report)), (Verdict::Verified, Vec::new()));
}

#[test]
fn a_live_log_may_be_asked_at_every_checkpoint() {
    let (leaves, _) = truth();
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(key()), pin: None, tables: Vec::new() });
    for (at, leaf) in leaves.iter().enumerate() {
        auditor.leaf(leaf);
        let report = auditor.report(&note(&leaves[..=at]));
        // Only between a withdrawal and its notice no checkpoint stands.
        let parted = codes(&report) == [Code::StopUseMissing];
        assert_eq!(report.verdict == Verdict::Verified, !parted, "{at}");
    }
    assert_eq!(auditor.size(), u64::try_from(leaves.len()).unwrap());
}

#[test]
fn broken_bundles_are_refused_with_the_line() {
    let table: [(&str, Change, Code, &str); 14] = [
        ("empty", Vec::clear, Code::BundleTruncated, "the file is empty"),
        ("only a header", |lines| lines.truncate(1), Code::BundleTruncated, "the bundle ends in line 2, where leaf 0 of"),
        ("no final line", |lines| drop(lines.pop()), Code::BundleTruncated, "where the signed checkpoint must stand"),
        ("cut within the final line", |lines| lines.last_mut().unwrap().truncate(40), Code::BundleTruncated, "the rest of the signed checkpoint must stand"),
        (
            "cut within a leaf",
            |lines| {
                lines.truncate(5);
                lines[4].truncate(9);
            },
            Code::BundleTruncated,
            "ends in line 5, where the rest of leaf 3",
        ),
        ("a leaf less than promised", |lines| drop(lines.remove(4)), Code::BundleTruncated, "the checkpoint stands in line"),
        ("a leaf more than promised", |lines| lines.insert(4, lines[3].clone()), Code::BundleLine, "is not the checkpoint that must follow"),
        ("not base64", |lines| lines[4] = b"####\n".to_vec(), Code::BundleLine, "line 5 is not a leaf in canonical base64"),
        ("base64 without padding", |lines| lines[4] = b"AAA\n".to_vec(), Code::BundleLine, "line 5 is not a leaf"),
        ("an empty line", |lines| lines[4] = b"\n".to_vec(), Code::BundleLine, "line 5 is not a leaf"),
        ("CRLF", |lines| lines[4].insert(4, b'\r'), Code::BundleLine, "line 5 is not a leaf"),
        ("not UTF-8", |lines| lines[4] = b"\xff\xfe\n".to_vec(), Code::BundleLine, "line 5 is not UTF-8 text"),
        ("something after it", |lines| lines.push(b"\n".to_vec()), Code::BundleTrailing, "follows the checkpoint, which must be last"),
        ("an endless line", |lines| lines[4] = vec![b'A'; LEAF_LINE_BYTES_MAX + 1], Code::BundleLine, "line 5 is longer than"),
    ];
    for (what, change, code, text) in table {
        let mut lines = lines(&honest());
        change(&mut lines);
        let report = read(&lines.concat(), with_key());
        assert_eq!(report.verdict, Verdict::Failed, "{what}");
        let finding = report.findings.iter().find(|finding| finding.code == code);
        assert!(finding.is_some_and(|finding| finding.text.contains(text)), "{what}: {:#?}", report.findings);
    }
}

#[test]
fn headers_are_read_strictly() {
    let table: [(&[u8], Verdict); 9] = [
        (b"garbage\n", Verdict::Failed),
        (b"{}\n", Verdict::Failed),
        (b"\xff\n", Verdict::Failed),
        (b"{\"format\":\"brygga-bundle/1\"}\n", Verdict::Failed),
        (b"{\"format\":\"brygga-bundle/1\",\"origin\":\"o\",\"vkey\":\"k\",\"exported_at\":\"t\",\"size\":0,\"more\":1}\n", Verdict::Failed),
        (b"{\"format\":\"brygga-bundle/1\",\"origin\":\"o\",\"vkey\":\"k\",\"exported_at\":\"t\",\"size\":-1}\n", Verdict::Failed),
        (b"{\"format\":\"brygga-bundle/1\",\"origin\":\"o\",\"vkey\":\"k\",\"exported_at\":\"t\",\"size\":0}\n", Verdict::Failed),
        (b"{\"format\":\"brygga-bundle/2\",\"anything\":1}\n", Verdict::Inconclusive),
        (&[b' '; HEADER_LINE_BYTES_MAX + 1], Verdict::Failed),
    ];
    for (bytes, verdict) in table {
        let report = read(bytes, Options::default());
        assert_eq!(report.verdict, verdict, "{}", String::from_utf8_lossy(bytes));
        let expected = if verdict == Verdict::Failed { vec![Code::BundleHeader] } else { Vec::new() };
        assert_eq!(codes(&report), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_inconclusive() {
    struct Torn(std::io::Cursor<Vec<u8>>);
    impl std::io::Read for Torn {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match std::io::Read::read(&mut self.0, into)? {
                0 => Err(std::io::Error::other("the disk is gone")),
                bytes => Ok(bytes),
            }
        }
    }
    let mut honest = honest();
    honest.truncate(honest.len() / 2);
    let torn = std::io::BufReader::new(Torn(std::io::Cursor::new(honest)));
    let report = audit_bundle(torn, with_key(), &mut |_, _| {});
    assert_eq!((report.verdict, codes(&report)), (Verdict::Inconclusive, Vec::new()));
    assert!(report.doubts[0].contains("the disk is gone"), "{:?}", report.doubts);
}

#[test]
fn any_cut_and_any_flipped_bit_of_the_file_is_not_verified() {
    let honest = honest();
    for cut in (0..honest.len()).step_by(37) {
        assert_eq!(read(&honest[..cut], with_key()).verdict, Verdict::Failed, "cut at {cut}");
    }
    // Nothing depends on the time of export: everything else in the file is compared with something.
    let exported_at = honest.windows(11).position(|part| part == b"exported_at").unwrap();
    for at in (0..honest.len()).step_by(37).filter(|at| !(exported_at..exported_at + 36).contains(at)) {
        let mut changed = honest.clone();
        changed[at] ^= 1;
        assert_ne!(read(&changed, with_key()).verdict, Verdict::Verified, "flipped at {at}");
    }
}

#[test]
fn the_writer_keeps_to_its_header_and_limits() {
    let writer = |size| BundleWriter::start(Vec::new(), &header(size)).unwrap();
    assert!(matches!(writer(1).finish(b"note"), Err(BundleError::WrongSize { found: 0, size: 1 })));
    assert!(matches!(writer(0).leaf(b"x"), Err(BundleError::WrongSize { found: 1, size: 0 })));
    assert!(matches!(writer(1).leaf(b""), Err(BundleError::LeafLength { position: 0, bytes: 0 })));
    assert!(matches!(writer(1).leaf(&vec![0; 65_536]), Err(BundleError::LeafLength { position: 0, bytes: 65_536 })));
    assert!(writer(1).leaf(&vec![0; 65_535]).is_ok());
    assert!(matches!(writer(0).finish(b"\xff"), Err(BundleError::Note)));
    let foreign = Header { format: String::from("other/1"), ..header(0) };
    assert!(matches!(BundleWriter::start(Vec::new(), &foreign), Err(BundleError::OtherFormat { .. })));
    let long = Header { exported_at: "x".repeat(HEADER_LINE_BYTES_MAX), ..header(0) };
    assert!(matches!(BundleWriter::start(Vec::new(), &long), Err(BundleError::LineTooLong { line: 1, .. })));
}

#[test]
fn the_longest_leaf_fits_a_line() {
    let leaf = vec![0xfb; 65_535];
    let bundle = bundle(&header(1), std::slice::from_ref(&leaf), b"note");
    let mut reader = BundleReader::open(bundle.as_slice()).unwrap();
    assert_eq!(reader.next_leaf().unwrap(), Some(leaf));
}
