//! Compiles `proto/` with protox, so that no protoc is needed: descriptors for reflection, the permissions of methods
//! and fields, and the code of the crate in `api/`, whose build script this is.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use prost_reflect::{
    DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value,
};

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
    fs::write(Path::new(&out).join("guarded_messages.rs"), guarded_messages(&pool)?)?;

    tonic_build::configure()
        .emit_rerun_if_changed(false)
        .codec_path("crate::Wire")
        // In one order: repeats are recognised by their bytes.
        .btree_map(".")
        .boxed(".consign.v1.TrackShipmentResponse.update.event")
        .boxed(".consign.v1.WatchEventsResponse.update.event")
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
    Ok(Some(variant(value.name())))
}

/// `ReadOrders` for `PERMISSION_READ_ORDERS`.
fn variant(name: &str) -> String {
    let words = name.trim_start_matches("PERMISSION_").split('_');
    words.map(|it| format!("{}{}", &it[..1], it[1..].to_ascii_lowercase())).collect()
}

/// The messages of answers that have fields which not every caller is shown, or that lead to one that has, by name.
fn guarded_messages(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let option = pool.get_extension_by_name("consign.v1.shown_to");
    let option = option.ok_or("the option shown_to is missing")?;
    let answers = answers(pool);
    let mut asked = BTreeMap::new();
    for field in answers.values().flat_map(|it| it.fields().collect::<Vec<_>>()) {
        asked.insert(field.full_name().to_owned(), shown_to(&field, &option)?);
    }

    let asks = |it: &FieldDescriptor| asked.get(it.full_name()).is_some_and(|it| !it.is_empty());
    let mut guarded: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = guarded.len();
        for (name, message) in &answers {
            if message
                .fields()
                .any(|it| asks(&it) || inner(&it).is_some_and(|it| guarded.contains(it.full_name())))
            {
                guarded.insert(name);
            }
        }
        if guarded.len() == before {
            break;
        }
    }

    let names: Vec<&str> = guarded.into_iter().collect();
    let mut table = "&[\n".to_owned();
    for name in &names {
        let message = answers.get(*name).ok_or("a message has no name")?;
        let hidden = message.get_field_by_name("hidden").map_or(0, |it| it.number());
        writeln!(table, "    GuardedMessage {{ name: \"{name}\", hidden: {hidden}, fields: &[")?;
        for field in message.fields() {
            let permissions = asked.get(field.full_name()).into_iter().flatten();
            let permissions: Vec<String> = permissions.map(|it| format!("Permission::{it}")).collect();
            let leads_to = inner(&field).and_then(|it| names.binary_search(&it.full_name()).ok());
            if permissions.is_empty() && leads_to.is_none() {
                continue;
            }
            let (number, permissions) = (field.number(), permissions.join(", "));
            writeln!(
                table,
                "        GuardedField {{ number: {number}, shown_to: &[{permissions}], message: {leads_to:?} }},"
            )?;
        }
        table.push_str("    ] },\n");
    }
    table.push_str("]\n");
    Ok(table)
}

/// All messages that answers are made of, by name.
fn answers(pool: &DescriptorPool) -> BTreeMap<String, MessageDescriptor> {
    let mut found = BTreeMap::new();
    let mut next: Vec<MessageDescriptor> = methods(pool).iter().map(MethodDescriptor::output).collect();
    while let Some(message) = next.pop() {
        if message.package_name() == PACKAGE && !found.contains_key(message.full_name()) {
            next.extend(message.fields().filter_map(|it| inner(&it)));
            found.insert(message.full_name().to_owned(), message);
        }
    }
    found
}

/// The message that a field holds.
fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) => Some(message),
        _ => None,
    }
}

/// What a caller has to be allowed to be shown a field: what it says, or what follows from its type.
fn shown_to(field: &FieldDescriptor, option: &ExtensionDescriptor) -> Result<Vec<String>, Box<dyn Error>> {
    let Kind::Enum(permissions) = option.kind() else { return Err("the option is no enum".into()) };
    let options = field.options();
    let said = options.get_extension(option);
    let numbers = said.as_list().unwrap_or_default().iter().filter_map(Value::as_enum_number);
    let said: Vec<String> =
        numbers.filter_map(|it| permissions.get_value(it)).map(|it| variant(it.name())).collect();
    let Some(message) = inner(field).filter(|_| said.is_empty()) else { return Ok(said) };
    match message.full_name() {
        "google.type.Money" => Ok(vec!["ReadMoney".to_owned()]),
        "consign.v1.Customer" | "consign.v1.Address" => {
            Err(format!("{} has no option (shown_to)", field.full_name()).into())
        }
        _ => Ok(said),
    }
}
