//! Makes the committed Rust code from `proto/**/*.proto`.
//!
//! `proto/` is the only source; protox compiles it, so nobody needs protoc. The output is a function of `proto/` and of the
//! versions in `Cargo.lock` alone: no time, no path of the machine, no order of a directory listing gets in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use prost::Message;
use prost_types::FileDescriptorSet;

use crate::redact;

/// The package of the events and of the code lists; the journal crate owns it, everything else refers to it there.
const JOURNAL_PACKAGE: &str = "brygga.journal.v1";
/// Where the journal crate shows its generated module.
const JOURNAL_RUST_PATH: &str = "::brygga_journal::v1";
/// The codec of the network interface: it keeps the raw frame, and refuses what prost alone would let through.
const WIRE_CODEC: &str = "crate::codec::StrictCodec";
/// Messages of which the wire crate keeps the raw bytes, because a command's key is bound to them.
const ENVELOPED: [&str; 2] = [".brygga.v1.StreamInboxRequest", ".brygga.v1.StreamReferralsRequest"];
/// What stands for them in Rust.
const ENVELOPED_RUST_PATH: &str = "crate::envelope::Enveloped";
/// Where the journal's code goes, below the workspace.
const JOURNAL_GEN: &str = "crates/journal/src/gen";
/// Where the network interface's code goes, below the workspace.
const WIRE_GEN: &str = "crates/wire/src/gen";
/// The descriptors that server reflection shows.
const DESCRIPTOR_FILE: &str = "descriptor.bin";
/// The hand-written file of a generated folder.
const MODULE_FILE: &str = "mod.rs";

/// Generated files by their path below the workspace.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Writes every generated file, and removes those that `proto/` no longer gives.
pub fn write(root: &Path) -> anyhow::Result<()> {
    let wanted = generate(root)?;
    for stale in committed(root)?.into_keys().filter(|path| !wanted.contains_key(path)) {
        fs::remove_file(root.join(&stale)).with_context(|| format!("removing {}", stale.display()))?;
    }
    for (path, bytes) in &wanted {
        let target = root.join(path);
        if fs::read(&target).is_ok_and(|present| present == *bytes) {
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        fs::write(&target, bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Fails, and names every file that differs, when the committed code is not what `proto/` gives.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let wanted = generate(root)?;
    let present = committed(root)?;
    let lacking = wanted.iter().filter_map(|(path, bytes)| match present.get(path) {
        None => Some(format!("missing: {}", path.display())),
        Some(other) if other != bytes => Some(format!("differs: {}", path.display())),
        Some(_) => None,
    });
    let stale = present.keys().filter(|path| !wanted.contains_key(*path)).map(|path| format!("stale:   {}", path.display()));
    let wrong: Vec<String> = lacking.chain(stale).collect();
    ensure!(wrong.is_empty(), "the generated code is not what proto/ gives; run `cargo xtask codegen` and commit the result\n{}", wrong.join("\n"));
    Ok(())
}

fn generate(root: &Path) -> anyhow::Result<Files> {
    let descriptors = compile(&root.join("proto"))?;
    let mut files = Files::new();
    for (name, bytes) in journal(descriptors.clone())? {
        files.insert(Path::new(JOURNAL_GEN).join(name), bytes);
    }
    for (name, bytes) in wire(descriptors.clone())? {
        files.insert(Path::new(WIRE_GEN).join(name), bytes);
    }
    files.insert(Path::new(WIRE_GEN).join(DESCRIPTOR_FILE), without_comments(descriptors).encode_to_vec());
    Ok(files)
}

/// Compiles every file below `proto/`, in the order of their names.
fn compile(proto: &Path) -> anyhow::Result<FileDescriptorSet> {
    let mut names = Vec::new();
    collect(proto, proto, &mut names)?;
    names.sort();
    ensure!(!names.is_empty(), "no .proto file below proto/");
    // The Debug form of protox's error is the one that names file, line and column.
    protox::compile(&names, [proto]).map_err(|error| anyhow::anyhow!("compiling proto/: {error:?}"))
}

/// Collects the `.proto` files below `folder`, named as an import names them.
fn collect(proto: &Path, folder: &Path, names: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry.with_context(|| format!("listing {}", folder.display()))?.path();
        if path.is_dir() {
            collect(proto, &path, names)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            names.push(path.strip_prefix(proto).context("a file outside proto/")?.to_path_buf());
        }
    }
    Ok(())
}

/// The journal's messages and code lists: prost alone, so that the auditor's program links no network.
fn journal(mut descriptors: FileDescriptorSet) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    descriptors.file.retain(|file| file.package() == JOURNAL_PACKAGE);
    for file in &descriptors.file {
        ensure!(file.service.is_empty(), "{} declares a service; the journal package has none", file.name());
    }
    let builder = tonic_prost_build::configure().build_client(false).build_server(false).bytes(".").btree_map(".");
    run(builder, descriptors)
}

/// The network interface: messages, clients and servers; what belongs to the journal stays there.
fn wire(descriptors: FileDescriptorSet) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let hidden = redact::hidden(&descriptors)?;
    let builder = ENVELOPED.iter().fold(tonic_prost_build::configure(), |builder, message| builder.extern_path(*message, ENVELOPED_RUST_PATH));
    let builder = builder
        .extern_path(format!(".{JOURNAL_PACKAGE}"), JOURNAL_RUST_PATH)
        .codec_path(WIRE_CODEC)
        .bytes(".")
        .btree_map(".")
        .skip_debug(hidden.iter().map(redact::Hidden::path));
    let mut files = run(builder, descriptors)?;
    for (name, bytes) in &mut files {
        let package = name.trim_end_matches(".rs");
        let shown = hidden.iter().filter(|message| message.package == package).map(redact::Hidden::debug_impl);
        bytes.extend(shown.collect::<String>().into_bytes());
    }
    Ok(files)
}

/// Runs the generator in a folder of its own and reads back what it wrote.
fn run(builder: tonic_prost_build::Builder, descriptors: FileDescriptorSet) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let folder = tempfile::tempdir().context("making a folder for the generator")?;
    builder.out_dir(folder.path()).compile_fds(descriptors).context("generating Rust from proto/")?;
    read_folder(folder.path())
}

/// The generated files as they are on disk now.
fn committed(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for folder in [JOURNAL_GEN, WIRE_GEN] {
        if root.join(folder).is_dir() {
            let generated = read_folder(&root.join(folder))?.into_iter().filter(|(name, _)| name != MODULE_FILE);
            files.extend(generated.map(|(name, bytes)| (Path::new(folder).join(name), bytes)));
        }
    }
    Ok(files)
}

fn read_folder(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
        let Ok(name) = entry.file_name().into_string() else { bail!("a file name in {} is not UTF-8", folder.display()) };
        let bytes = fs::read(entry.path()).with_context(|| format!("reading {name}"))?;
        files.push((name, bytes));
    }
    files.sort();
    Ok(files)
}

/// Reflection shows shapes; comments and positions in the source would only make it large.
fn without_comments(mut descriptors: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    descriptors
}
