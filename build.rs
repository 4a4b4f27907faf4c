//! Compiles `proto/` with protox, so that no protoc is needed: descriptors for reflection, and the code behind `pb`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let listed = fs::read_dir("proto/consign/v1")?.map(|it| Ok(it?.path()));
    let mut protos = listed.collect::<std::io::Result<Vec<_>>>()?;
    protos.sort();

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(protos)?;
    let descriptors = Path::new(&env::var("OUT_DIR")?).join("consign.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;

    tonic_build::configure()
        .emit_rerun_if_changed(false)
        .codec_path("crate::rpc::Wire")
        // In one order: repeats are recognised by their bytes.
        .btree_map(".")
        .boxed(".consign.v1.TrackShipmentResponse.update.event")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
