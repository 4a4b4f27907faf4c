//! Compiles `proto/` with protox, so that no protoc is needed: descriptors for reflection, the permissions of methods, and
//! the code of the crate in `api/`, whose build script this is.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use prost_reflect::{DescriptorPool, ExtensionDescriptor, Kind, MethodDescriptor};

/// From `api/`, where this runs.
const PROTO: &str = "../proto";

const PACKAGE: &str = "consign.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../build.rs");
    println!("cargo::rerun-if-changed={PROTO}");
    let listed = fs::read_dir(Path::new(PROTO).join("consign/v1"))?.map(|it| Ok(it?.path()));
    let mut protos = listed.collect::<std::io::Result<Vec<_>>>()?;
    protos.sort();

    let mut compiler = protox::Compiler::new([PROTO])?;
    compiler.include_imports(true).include_source_info(true).open_files(protos)?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("consign.bin"), compiler.encode_file_descriptor_set())?;
    let pool = compiler.descriptor_pool();
    fs::write(Path::new(&out).join("permissions.rs"), permissions(&pool)?)?;
    fs::write(Path::new(&out).join("scoped_permissions.rs"), scoped_permissions(&pool)?)?;

    tonic_build::configure()
        .emit_rerun_if_changed(false)
        .codec_path("crate::Wire")
        // In one order: repeats are recognised by their bytes.
        .btree_map(".")
        .boxed(".consign.v1.TrackShipmentResponse.update.event")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// A table of the permission that each method asks for, as the proto says. A method that asks for none does not build.
fn permissions(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let option =
        pool.get_extension_by_name("consign.v1.permission").ok_or("the option permission is missing")?;
    let mut asked = Vec::new();
    for method in methods(pool) {
        let permission = permission(&method, &option)?;
        let missing = || format!("{} has no option (permission)", method.full_name());
        asked.push((permission.ok_or_else(missing)?, method));
    }
    table(asked)
}

/// The same of the permission that is enough for what is in a caller's scope; most methods have none.
fn scoped_permissions(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let option = pool.get_extension_by_name("consign.v1.scoped_permission");
    let option = option.ok_or("the option scoped_permission is missing")?;
    let mut asked = Vec::new();
    for method in methods(pool) {
        asked.extend(permission(&method, &option)?.map(|it| (it, method)));
    }
    table(asked)
}

fn methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    let ours = pool.services().filter(|it| it.package_name() == PACKAGE);
    ours.flat_map(|it| it.methods().collect::<Vec<_>>()).collect()
}

fn table(asked: Vec<(String, MethodDescriptor)>) -> Result<String, Box<dyn Error>> {
    let mut table = "&[\n".to_owned();
    for (permission, method) in asked {
        let (service, name) = (method.parent_service().full_name().to_owned(), method.name().to_owned());
        writeln!(table, "    (\"{service}/{name}\", Permission::{permission}),")?;
    }
    table.push_str("]\n");
    Ok(table)
}

/// `ReadOrders` for PERMISSION_READ_ORDERS; None: the method does not say one.
fn permission(
    method: &MethodDescriptor,
    option: &ExtensionDescriptor,
) -> Result<Option<String>, Box<dyn Error>> {
    let number = method.options().get_extension(option).as_enum_number().filter(|it| *it != 0);
    let Kind::Enum(permissions) = option.kind() else { return Err("the option is no enum".into()) };
    let Some(value) = number.and_then(|it| permissions.get_value(it)) else { return Ok(None) };
    let words = value.name().trim_start_matches("PERMISSION_").split('_');
    let capitalised = words.map(|it| format!("{}{}", &it[..1], it[1..].to_ascii_lowercase()));
    Ok(Some(capitalised.collect()))
}
