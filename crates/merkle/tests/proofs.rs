//! Attacks on proofs: each row is one, and none may verify.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use brygga_merkle::{
    BuildError, Checkpoint, ConsistencyPlan, ConsistencyProof, FrontierPlan, Hash, InclusionPlan, InclusionProof, LoadedTiles, PROOF_HASHES_MAX, ProofError,
    TREE_LEAVES_MAX, TileRange, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
use support::{MemoryLog, Random, leaf_bytes};

const ORIGIN: &str = "log.vasterort.example/1";
const SIZES: [u64; 9] = [1, 2, 3, 7, 8, 13, 256, 300, 600];

fn leaf(position: u64) -> Hash {
    leaf_hash(&leaf_bytes(position))
}

fn inclusion(log: &MemoryLog, index: u64, size: u64) -> InclusionProof {
    let plan = InclusionPlan::new(index, size).unwrap();
    plan.build(&log.load(&plan.needs())).unwrap()
}

fn consistency(log: &MemoryLog, old: u64, new: u64) -> ConsistencyProof {
    let plan = ConsistencyPlan::new(old, new).unwrap();
    plan.build(&log.load(&plan.needs())).unwrap()
}

fn checkpoint(log: &MemoryLog, size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: log.root(size) }
}

fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash(bytes)
}

/// Every list of hashes that is one flip, drop, addition or swap away.
fn changed(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for place in 0..hashes.len() {
        for bit in 0..256 {
            let mut list = hashes.to_vec();
            list[place] = flipped(&list[place], bit);
            all.push(list);
        }
        let mut dropped = hashes.to_vec();
        dropped.remove(place);
        all.push(dropped);
        for other in 0..place {
            let mut swapped = hashes.to_vec();
            swapped.swap(place, other);
            all.push(swapped);
        }
    }
    for place in 0..=hashes.len() {
        for extra in [Hash([0; 32]), hashes.first().copied().unwrap_or(leaf(0))] {
            let mut added = hashes.to_vec();
            added.insert(place, extra);
            all.push(added);
        }
    }
    all.retain(|list| list != hashes);
    all
}

#[test]
fn a_changed_inclusion_proof_is_refused() {
    let log = MemoryLog::of(600);
    let mut random = Random::printed("a_changed_inclusion_proof_is_refused");
    for size in SIZES {
        let head = checkpoint(&log, size);
        let index = random.below(size);
        let good = inclusion(&log, index, size);
        assert_eq!(head.verify_inclusion(&good, &leaf(index)), Ok(()));
        for hashes in changed(&good.hashes) {
            let bad = InclusionProof { hashes, ..good };
            assert!(head.verify_inclusion(&bad, &leaf(index)).is_err());
        }
        for bit in 0..64 {
            let elsewhere = InclusionProof { index: index ^ (1 << bit), ..good.clone() };
            assert!(head.verify_inclusion(&elsewhere, &leaf(index)).is_err());
            let resized = InclusionProof { size: size ^ (1 << bit), ..good.clone() };
            assert!(head.verify_inclusion(&resized, &leaf(index)).is_err());
        }
        for bit in 0..256 {
            let other_leaf = flipped(&leaf(index), bit);
            assert!(head.verify_inclusion(&good, &other_leaf).is_err());
            let other_root = flipped(&head.root, bit);
            assert!(verify_inclusion(&good, &leaf(index), &other_root).is_err());
        }
    }
}

#[test]
fn a_changed_consistency_proof_is_refused() {
    let log = MemoryLog::of(600);
    let mut random = Random::printed("a_changed_consistency_proof_is_refused");
    for new in SIZES {
        let old = 1 + random.below(new);
        let (older, newer) = (checkpoint(&log, old), checkpoint(&log, new));
        let good = consistency(&log, old, new);
        assert_eq!(newer.verify_consistency(&good, &older), Ok(()));
        for hashes in changed(&good.hashes) {
            let bad = ConsistencyProof { hashes, ..good };
            assert!(newer.verify_consistency(&bad, &older).is_err());
        }
        for bit in 0..64 {
            let other_old = ConsistencyProof { old: old ^ (1 << bit), ..good.clone() };
            let refused = Err(ProofError::OtherSize { checkpoint: old, proof: other_old.old });
            assert_eq!(newer.verify_consistency(&other_old, &older), refused);
            let other_new = ConsistencyProof { new: new ^ (1 << bit), ..good.clone() };
            assert!(newer.verify_consistency(&other_new, &older).is_err());
        }
        for bit in 0..256 {
            let old_root = flipped(&older.root, bit);
            assert!(verify_consistency(&good, &old_root, &newer.root).is_err());
            let new_root = flipped(&newer.root, bit);
            assert!(verify_consistency(&good, &older.root, &new_root).is_err());
        }
    }
}

#[test]
fn an_inclusion_proof_outside_the_tree_is_refused() {
    let log = MemoryLog::of(8);
    let good = inclusion(&log, 3, 8);
    let many = vec![leaf(0); PROOF_HASHES_MAX + 1];
    let table = [
        (8, 8, good.hashes.clone(), "position 8 is not in a tree of 8 leaves"),
        (u64::MAX, 8, good.hashes.clone(), "position 18446744073709551615 is not in a tree of 8 leaves"),
        (0, 0, vec![], "position 0 is not in a tree of 0 leaves"),
        (3, 1 << 63, good.hashes.clone(), "a tree has at most 9223372036854775807 leaves, found 9223372036854775808"),
        (3, TREE_LEAVES_MAX, good.hashes.clone(), "a proof of 3 hashes does not fit its sizes"),
        (3, TREE_LEAVES_MAX, many.clone(), "a proof has at most 63 hashes, found 64"),
        (3, TREE_LEAVES_MAX, many[1..].to_vec(), "the proof does not lead to the root of the tree"),
        (3, 8, vec![], "a proof of 0 hashes does not fit its sizes"),
        (3, 1, good.hashes.clone(), "position 3 is not in a tree of 1 leaves"),
        (2, 8, good.hashes.clone(), "the proof does not lead to the root of the tree"),
    ];
    for (index, size, hashes, error) in table {
        let proof = InclusionProof { index, size, hashes };
        let found = verify_inclusion(&proof, &leaf(3), &log.root(8)).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
    assert_eq!(verify_inclusion(&good, &leaf(3), &log.root(8)), Ok(()));
}

#[test]
fn a_consistency_proof_of_impossible_sizes_is_refused() {
    let log = MemoryLog::of(8);
    let (three, eight, none) = (log.root(3), log.root(8), empty_root());
    let hashes = consistency(&log, 3, 8).hashes;
    let many = vec![leaf(0); PROOF_HASHES_MAX + 1];
    let table = [
        (8, 3, hashes.clone(), eight, three, Err(ProofError::OldAboveNew { old: 8, new: 3 })),
        (3, 1 << 63, hashes.clone(), three, eight, Err(ProofError::TooManyLeaves { size: 1 << 63 })),
        (3, 8, many, three, eight, Err(ProofError::TooManyHashes { found: 64 })),
        (3, 8, vec![], three, eight, Err(ProofError::WrongLength { found: 0 })),
        (4, 8, vec![], log.root(4), eight, Err(ProofError::WrongLength { found: 0 })),
        (0, 8, vec![], three, eight, Err(ProofError::WrongOldRoot)),
        (0, 8, hashes.clone(), none, eight, Err(ProofError::WrongLength { found: 4 })),
        (0, 8, vec![], none, none, Err(ProofError::WrongRoot)),
        (0, 0, vec![], none, eight, Err(ProofError::WrongRoot)),
        (0, 0, vec![], eight, eight, Err(ProofError::WrongOldRoot)),
        (3, 8, hashes.clone(), none, eight, Err(ProofError::WrongOldRoot)),
        (8, 8, vec![], eight, three, Err(ProofError::WrongRoot)),
        (8, 8, hashes.clone(), eight, eight, Err(ProofError::WrongLength { found: 4 })),
        (0, 8, vec![], none, eight, Ok(())),
        (0, 0, vec![], none, none, Ok(())),
        (8, 8, vec![], eight, eight, Ok(())),
        (3, 8, hashes, three, eight, Ok(())),
    ];
    for (row, (old, new, hashes, old_root, new_root, expected)) in table.into_iter().enumerate() {
        let proof = ConsistencyProof { old, new, hashes };
        let found = verify_consistency(&proof, &old_root, &new_root);
        assert_eq!(found, expected, "row {row}");
    }
}

#[test]
fn an_inner_node_never_passes_as_a_leaf() {
    let log = MemoryLog::of(4);
    let head = checkpoint(&log, 4);
    let (left, right) = (node_hash(&leaf(0), &leaf(1)), node_hash(&leaf(2), &leaf(3)));
    let shortened = InclusionProof { index: 0, size: 2, hashes: vec![right] };
    // The hashes fit, which is why the size must come from the signed checkpoint.
    assert_eq!(verify_inclusion(&shortened, &left, &head.root), Ok(()));
    assert_eq!(head.verify_inclusion(&shortened, &left), Err(ProofError::OtherSize { checkpoint: 4, proof: 2 }));
    let same_size = InclusionProof { size: 4, ..shortened.clone() };
    assert_eq!(head.verify_inclusion(&same_size, &left), Err(ProofError::WrongLength { found: 1 }));
    // Whoever holds the bytes of an event cannot choose them to hash as a node.
    let bytes = [leaf(0).0, leaf(1).0].concat();
    for bytes in [bytes.clone(), [vec![1], bytes].concat()] {
        assert_ne!(leaf_hash(&bytes), left);
        assert!(verify_inclusion(&shortened, &leaf_hash(&bytes), &head.root).is_err());
    }
}

#[test]
fn a_proof_of_another_log_is_refused() {
    let log = MemoryLog::of(300);
    let ours = checkpoint(&log, 300);
    let mut theirs = checkpoint(&log, 300);
    theirs.origin = "log.other.example/1".to_owned();
    let extends = consistency(&log, 20, 300);
    let mut older = checkpoint(&log, 20);
    assert_eq!(ours.verify_consistency(&extends, &older), Ok(()));
    assert_eq!(theirs.verify_consistency(&extends, &older), Err(ProofError::OtherLog));
    older.root = leaf(0);
    assert_eq!(ours.verify_consistency(&extends, &older), Err(ProofError::WrongOldRoot));
    // The same leaf in a log whose other leaves differ.
    let fork = Checkpoint { root: node_hash(&log.root(256), &leaf(7)), ..ours.clone() };
    assert_eq!(fork.verify_inclusion(&inclusion(&log, 5, 300), &leaf(5)), Err(ProofError::WrongRoot));
    assert_eq!(fork.verify_consistency(&consistency(&log, 20, 300), &checkpoint(&log, 20)), Err(ProofError::WrongRoot));
}

#[test]
fn plans_refuse_what_no_proof_can_show() {
    assert_eq!(InclusionPlan::new(5, 5).unwrap_err(), ProofError::IndexOutOfRange { index: 5, size: 5 });
    assert_eq!(ConsistencyPlan::new(6, 5).unwrap_err(), ProofError::OldAboveNew { old: 6, new: 5 });
    let size = TREE_LEAVES_MAX + 1;
    let too_many = ProofError::TooManyLeaves { size };
    assert_eq!(InclusionPlan::new(5, size).unwrap_err(), too_many);
    assert_eq!(ConsistencyPlan::new(5, size).unwrap_err(), too_many);
    assert_eq!(FrontierPlan::new(size).unwrap_err(), too_many);
}

#[test]
fn a_plan_builds_nothing_from_missing_hashes() {
    let log = MemoryLog::of(600);
    let plan = InclusionPlan::new(3, 600).unwrap();
    let needs = plan.needs();
    for left_out in &needs {
        let rest: Vec<TileRange> = needs.iter().copied().filter(|r| r != left_out).collect();
        let expected = BuildError::Missing { level: left_out.level, start: left_out.start };
        assert_eq!(plan.build(&log.load(&rest)), Err(expected));
    }
    let mut loaded = LoadedTiles::new();
    assert_eq!(loaded.insert(needs[0], vec![leaf(0); 3]), Err(BuildError::WrongCount { level: 0, start: 0, expected: 256, found: 3 }));
    assert!(!loaded.covers(&needs[0]));
}

#[test]
fn a_tile_loaded_for_a_larger_tree_serves_a_smaller_one() {
    let log = MemoryLog::of(600);
    let (small, large) = (InclusionPlan::new(520, 530).unwrap(), InclusionPlan::new(520, 600).unwrap());
    let mut loaded = log.load(&large.needs());
    assert!(small.needs().iter().all(|range| loaded.covers(range)));
    // The order of loading does not matter: a shorter range never replaces a longer one.
    for range in small.needs() {
        let rows = (range.start..range.end).map(leaf).collect();
        if range.level == 0 {
            loaded.insert(range, rows).unwrap();
        }
    }
    for (plan, size) in [(small, 530), (large, 600)] {
        let proof = plan.build(&loaded).unwrap();
        assert_eq!(verify_inclusion(&proof, &leaf(520), &log.root(size)), Ok(()));
    }
}

#[test]
fn the_frontier_is_read_back_from_the_rows() {
    let log = MemoryLog::of(600);
    for size in 0..=600 {
        let plan = FrontierPlan::new(size).unwrap();
        let frontier = plan.build(&log.load(&plan.needs())).unwrap();
        assert_eq!(frontier.size(), size);
        assert_eq!(frontier.root(), log.root(size));
    }
}

#[test]
fn a_proof_at_a_hundred_million_leaves_is_a_few_scans() {
    const SIZE: u64 = 100_000_000;
    const ROUNDS: u64 = 2_000;
    let mut random = Random::printed("a_proof_at_a_hundred_million_leaves_is_a_few_scans");
    let (mut inclusion_scans, mut consistency_scans) = (0, 0);
    for _round in 0..ROUNDS {
        let size = SIZE - random.below(1_000);
        let old = random.below(size);
        let inclusion = InclusionPlan::new(old, size).unwrap().needs();
        let consistency = ConsistencyPlan::new(old, size).unwrap().needs();
        for range in inclusion.iter().chain(&consistency) {
            assert!(range.level <= 24 && range.level % 8 == 0);
            assert!(range.start % 256 == 0 && range.start < range.end);
            assert!(range.len() <= 256 && range.end <= size >> range.level);
        }
        assert!(inclusion.len() <= 7 && consistency.len() <= 7);
        inclusion_scans += inclusion.len();
        consistency_scans += consistency.len();
        // A leaf of the last tile shares it with the right edge.
        let recent = InclusionPlan::new(size - 1, size).unwrap().needs();
        assert!(recent.len() <= 4, "{recent:?}");
    }
    eprintln!("scans in {ROUNDS} rounds: inclusion {inclusion_scans}, consistency {consistency_scans}");
}
