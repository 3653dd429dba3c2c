//! Three other implementations must agree with this crate on every root, proof and note.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::cell::RefCell;

use brygga_merkle::{
    Checkpoint, ConsistencyPlan, ConsistencyProof, Ed25519Signer, Hash, InclusionPlan, InclusionProof, KeyError, NoteKey, empty_root, leaf_hash, open,
    sign_checkpoint, verify_consistency, verify_inclusion,
};
use ct_merkle::{RootHash, mem_backed_tree::MemoryBackedTree};
use sha2::Sha256;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use support::{MemoryLog, Random, leaf_bytes};
use tlog_tiles::tlog;

const ORIGIN: &str = "log.vasterort.example/1";

/// The stored hashes of `tlog_tiles`, in its own order.
#[derive(Default)]
struct TlogStore(RefCell<Vec<tlog::Hash>>);

impl tlog::HashReader for TlogStore {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let stored = self.0.borrow();
        Ok(indexes.iter().map(|index| stored[usize::try_from(*index).unwrap()]).collect())
    }
}

impl TlogStore {
    fn of(leaves: u64) -> Self {
        let store = Self::default();
        for position in 0..leaves {
            let added = tlog::stored_hashes(position, &leaf_bytes(position), &store).unwrap();
            store.0.borrow_mut().extend(added);
        }
        store
    }
}

fn theirs(hash: &Hash) -> tlog::Hash {
    tlog::Hash(hash.0)
}

fn ours(hashes: &[tlog::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn ct_root(log: &MemoryLog, size: u64) -> RootHash<Sha256> {
    RootHash::new(log.root(size).0.into(), size)
}

fn inclusion(log: &MemoryLog, index: u64, size: u64) -> InclusionProof {
    let plan = InclusionPlan::new(index, size).unwrap();
    plan.build(&log.load(&plan.needs())).unwrap()
}

fn consistency(log: &MemoryLog, old: u64, new: u64) -> ConsistencyProof {
    let plan = ConsistencyPlan::new(old, new).unwrap();
    plan.build(&log.load(&plan.needs())).unwrap()
}

/// Our proofs hold for us and for both verifiers, and `tlog_tiles` makes the same ones.
fn agree_on_inclusion(log: &MemoryLog, store: &TlogStore, index: u64, size: u64) {
    let (bytes, root) = (leaf_bytes(index), log.root(size));
    let leaf = leaf_hash(&bytes);
    let proof = inclusion(log, index, size);
    let their_proof = tlog::prove_record(size, index, store).unwrap();
    assert_eq!(proof.hashes, ours(&their_proof), "leaf {index} of {size}");
    verify_inclusion(&proof, &leaf, &root).unwrap();
    tlog::check_record(&their_proof, size, theirs(&root), index, theirs(&leaf)).unwrap();
    let ct_proof = ct_merkle::InclusionProof::try_from_bytes(joined(&proof.hashes)).unwrap();
    ct_root(log, size).verify_inclusion(&bytes, index, &ct_proof).unwrap();
}

fn agree_on_consistency(log: &MemoryLog, store: &TlogStore, old: u64, new: u64) {
    let (old_root, new_root) = (log.root(old), log.root(new));
    let proof = consistency(log, old, new);
    verify_consistency(&proof, &old_root, &new_root).unwrap();
    let their_proof = tlog::prove_tree(new, old, store).unwrap();
    assert_eq!(proof.hashes, ours(&their_proof), "{old} to {new}");
    tlog::check_tree(&their_proof, new, theirs(&new_root), old, theirs(&old_root)).unwrap();
    let ct_proof = ct_merkle::ConsistencyProof::try_from_bytes(joined(&proof.hashes)).unwrap();
    ct_root(log, new).verify_consistency(&ct_root(log, old), &ct_proof).unwrap();
}

#[test]
fn roots_of_every_size_to_600_are_equal() {
    let (log, store) = (MemoryLog::of(600), TlogStore::of(600));
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=600 {
        let root = log.root(size);
        assert_eq!(root.0, tlog::tree_hash(size, &store).unwrap().0);
        // An empty ct-merkle tree has a root of its own invention.
        if size > 0 {
            assert_eq!(root.0.as_slice(), tree.root().as_bytes().as_slice());
        } else {
            assert_eq!(root, empty_root());
        }
        tree.push(leaf_bytes(size));
    }
}

#[test]
fn proofs_of_all_indices_at_every_7th_size_to_600_are_equal() {
    let (log, store) = (MemoryLog::of(600), TlogStore::of(600));
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=600 {
        tree.push(leaf_bytes(size - 1));
        if size % 7 != 0 {
            continue;
        }
        for index in 0..size {
            agree_on_inclusion(&log, &store, index, size);
            let at = usize::try_from(index).unwrap();
            let made = tree.prove_inclusion(at);
            assert_eq!(made.as_bytes(), joined(&inclusion(&log, index, size).hashes));

            let old = index + 1;
            agree_on_consistency(&log, &store, old, size);
            let added = usize::try_from(size - old).unwrap();
            let made = tree.prove_consistency(added);
            assert_eq!(made.as_bytes(), joined(&consistency(&log, old, size).hashes));
        }
        // The other two refuse to start from the empty tree; RFC 9162 lets it begin every tree.
        let from_nothing = consistency(&log, 0, size);
        assert_eq!(from_nothing.hashes, []);
        verify_consistency(&from_nothing, &empty_root(), &log.root(size)).unwrap();
    }
}

#[test]
fn random_sizes_to_100_000_are_equal() {
    const LEAVES: u64 = 100_000;
    let mut random = Random::printed("random_sizes_to_100_000_are_equal");
    let (log, store) = (MemoryLog::of(LEAVES), TlogStore::of(LEAVES));
    for round in 0..2_000 {
        // Sizes around whole tiles have the most delicate right edges.
        let size = match round % 4 {
            0 => ((1 + random.below(390)) << 8) + random.below(3) - 1,
            1 => (1 << 16) + random.below(5) - 2,
            _any_other => 1 + random.below(LEAVES),
        };
        assert_eq!(log.root(size).0, tlog::tree_hash(size, &store).unwrap().0);
        agree_on_inclusion(&log, &store, random.below(size), size);
        agree_on_consistency(&log, &store, 1 + random.below(size), size);
    }
}

fn example(size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: if size == 0 { empty_root() } else { leaf_hash(&size.to_be_bytes()) } }
}

/// The signer key of `signed_note`, from the seed of ours.
fn their_signer(key: &NoteKey, seed: [u8; 32]) -> StandardSigner {
    use base64::Engine as _;
    let private = [&[1], seed.as_slice()].concat();
    let id = u32::from_be_bytes(key.id());
    let encoded = base64::engine::general_purpose::STANDARD.encode(private);
    StandardSigner::new(&format!("PRIVATE+KEY+{}+{id:08x}+{encoded}", key.name())).unwrap()
}

#[test]
fn notes_of_either_side_are_opened_by_the_other() {
    let mut random = Random::printed("notes_of_either_side_are_opened_by_the_other");
    for size in [0, 1, 9, 10, 255, 1 << 32, (1 << 63) - 1] {
        let mut seed = [0; 32];
        seed.fill_with(|| random.next().to_le_bytes()[0]);
        let signer = Ed25519Signer::from_seed(seed);
        let key = signer.note_key(ORIGIN).unwrap();
        let checkpoint = example(size);
        let note = sign_checkpoint(&checkpoint, ORIGIN, &signer).unwrap();

        let read = Note::from_bytes(&note).unwrap();
        let pinned = StandardVerifier::new(&key.encode()).unwrap();
        let (verified, unverified) = read.verify(&VerifierList::new(vec![Box::new(pinned)])).unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 0));
        let parsed = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
        assert_eq!(parsed.origin(), ORIGIN);
        assert_eq!(parsed.size(), size);
        assert_eq!(parsed.hash().0, checkpoint.root.0);
        assert_eq!(parsed.extension(), "");

        let mut made = Note::new(checkpoint.to_text().as_bytes(), &[]).unwrap();
        made.add_sigs(&[&their_signer(&key, seed)]).unwrap();
        assert_eq!(made.to_bytes(), note);
        assert_eq!(open(&made.to_bytes(), &key), Ok(checkpoint));
    }
}

/// Whoever pins such a key with a lenient verifier accepts any text from anyone.
#[test]
fn a_forgery_under_a_small_order_key_passes_the_oracle_and_not_us() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut identity = [0; 32];
    identity[0] = 1;
    let typed = [&[1], identity.as_slice()].concat();
    let id = signed_note::key_id(ORIGIN, &typed);
    let vkey = format!("{ORIGIN}+{id:08x}+{}", encode(&typed));
    let forged = [&id.to_be_bytes(), identity.as_slice(), &[0; 32]].concat();
    let note = format!("{}\n\u{2014} {ORIGIN} {}\n", example(7).to_text(), encode(&forged));

    let lenient = StandardVerifier::new(&vkey).unwrap();
    let read = Note::from_bytes(note.as_bytes()).unwrap();
    assert!(read.verify(&VerifierList::new(vec![Box::new(lenient)])).is_ok());
    assert_eq!(NoteKey::parse(&vkey), Err(KeyError::Public));
}
