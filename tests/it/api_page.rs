//! `docs/api.md`, rendered from the comments of `proto/`: the page says what reflection says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;

use consign::access::{PERMISSIONS, SCOPED_PERMISSIONS, name_of};
use consign::pb;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto, ServiceDescriptorProto,
};

const PAGE: &str = "docs/api.md";
const PACKAGE: &str = "consign.v1";

// Numbers of the fields of descriptor.proto, of which the path to a comment is made.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
/// Fields of a message, values of an enum and methods of a service have the same number.
const PARTS: i32 = 2;

#[test]
fn the_page_of_the_api_says_what_the_proto_says() {
    let rendered = Api::read().page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &rendered).unwrap();
        return;
    }

    let page = fs::read_to_string(PAGE).unwrap_or_default();
    let differs = rendered.lines().zip(page.lines()).zip(1..).find(|((wanted, found), _)| wanted != found);
    let hint = "write it anew with `UPDATE_DOCS=1 cargo test --test it api_page`";
    if let Some(((wanted, found), line)) = differs {
        panic!("{PAGE}:{line} is not what proto/ says; {hint}\nproto/: {wanted}\npage:   {found}");
    }
    assert_eq!(rendered.lines().count(), page.lines().count(), "{PAGE} ends elsewhere than proto/; {hint}");
}

/// Whether it is what the compiler makes of `map<string, string>`.
fn is_map_of_texts(it: &DescriptorProto) -> bool {
    let is_entry = it.options.as_ref().is_some_and(|it| it.map_entry());
    is_entry && it.field.iter().all(|it| it.r#type() == Type::String)
}

/// What `proto/consign` declares, each thing with its comment.
struct Api {
    services: Vec<Commented<ServiceDescriptorProto>>,
    messages: BTreeMap<String, Commented<DescriptorProto>>,
    enums: BTreeMap<String, Commented<EnumDescriptorProto>>,
}

struct Commented<T> {
    it: T,
    comment: String,
    /// Comments of its fields, values or methods, in their order.
    parts: Vec<String>,
}

impl Api {
    fn read() -> Self {
        let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).unwrap().file;
        let mut api = Self { services: Vec::new(), messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in files.into_iter().filter(|it| it.package() == PACKAGE) {
            api.add(file);
        }
        api
    }

    fn add(&mut self, file: FileDescriptorProto) {
        let comments = Comments::of(&file);
        for (it, index) in file.service.into_iter().zip(0..) {
            self.services.push(comments.add(SERVICES, index, it.method.len(), it));
        }
        for (it, index) in file.message_type.into_iter().zip(0..) {
            let of_maps = it.nested_type.iter().all(is_map_of_texts);
            assert!(of_maps && it.enum_type.is_empty(), "{} nests a type", it.name());
            self.messages.insert(it.name().to_owned(), comments.add(MESSAGES, index, it.field.len(), it));
        }
        for (it, index) in file.enum_type.into_iter().zip(0..) {
            self.enums.insert(it.name().to_owned(), comments.add(ENUMS, index, it.value.len(), it));
        }
    }

    fn page(&self) -> String {
        let mut page = "# The API\n\n\
            Package `consign.v1`, from the comments in [`proto/consign/v1`](../proto/consign/v1); reflection tells the \
            same to `grpcurl` and `buf curl`. How to call it is in the [walkthrough](walkthrough.md), what every call \
            can rely on in the [README](../README.md#what-callers-can-rely-on).\n\n\
            This page is rendered. After a change of `proto/`: `UPDATE_DOCS=1 cargo test --test it api_page`.\n\n\
            ## Contents\n"
            .to_owned();
        self.contents(&mut page);
        for service in &self.services {
            self.service(service, &mut page);
        }

        page.push_str("\n## Messages\n");
        for (name, message) in self.shared_messages() {
            write!(page, "\n### {name}\n\n{}\n", paragraphs(&message.comment)).unwrap();
            fields("Field", message, &mut page);
        }
        page.push_str("\n## Enums\n");
        for (name, values) in &self.enums {
            write!(page, "\n### {name}\n\n{}\n\n", paragraphs(&values.comment)).unwrap();
            page.push_str("| Number | Value | Meaning |\n|---|---|---|\n");
            for (value, comment) in values.it.value.iter().zip(&values.parts) {
                writeln!(page, "| {} | `{}` | {} |", value.number(), value.name(), cell(comment)).unwrap();
            }
        }
        page
    }

    fn contents(&self, page: &mut String) {
        let row = |names: Vec<&str>| names.into_iter().map(link).collect::<Vec<_>>().join(" · ");
        for service in &self.services {
            let methods = service.it.method.iter().map(MethodDescriptorProto::name).collect();
            write!(page, "\n**{}**: {}\n", link(service.it.name()), row(methods)).unwrap();
        }
        let messages = self.shared_messages().into_iter().map(|(name, _)| name.as_str());
        write!(page, "\n**{}**: {}\n", link("Messages"), row(messages.collect())).unwrap();
        let enums = self.enums.keys().map(String::as_str);
        write!(page, "\n**{}**: {}\n", link("Enums"), row(enums.collect())).unwrap();
    }

    fn service(&self, service: &Commented<ServiceDescriptorProto>, page: &mut String) {
        write!(page, "\n## {}\n\n{}\n", service.it.name(), paragraphs(&service.comment)).unwrap();
        for (method, comment) in service.it.method.iter().zip(&service.parts) {
            let (request, response) = (local(method.input_type()), local(method.output_type()));
            let stream = if method.server_streaming() { "stream of " } else { "" };
            write!(page, "\n### {}\n\n", method.name()).unwrap();
            let sent = if method.client_streaming() { "stream of " } else { "" };
            let path = format!("{PACKAGE}.{}/{}", service.it.name(), method.name());
            let asked = PERMISSIONS.iter().find(|it| it.0 == path).expect("each has one").1;
            let asked = name_of(asked);
            let scoped = SCOPED_PERMISSIONS.iter().find(|it| it.0 == path);
            let or = scoped.map(|it| format!(", or `{}` for one's own", name_of(it.1))).unwrap_or_default();
            write!(
                page,
                "{sent}`{request}` → {stream}`{response}`; asks for `{asked}`{or}\n\n{}\n",
                paragraphs(comment)
            )
            .unwrap();
            fields("Request", &self.messages[request], page);
            fields("Response", &self.messages[response], page);
        }
    }

    /// All messages but those that only carry a call's request or response, which stand beside it.
    fn shared_messages(&self) -> Vec<(&String, &Commented<DescriptorProto>)> {
        let methods = self.services.iter().flat_map(|it| &it.it.method);
        let beside: BTreeSet<&str> =
            methods.flat_map(|it| [local(it.input_type()), local(it.output_type())]).collect();
        self.messages.iter().filter(|(name, _)| !beside.contains(name.as_str())).collect()
    }
}

/// The comments of one file, by the path to what they are about.
struct Comments(HashMap<Vec<i32>, String>);

impl Comments {
    fn of(file: &FileDescriptorProto) -> Self {
        let locations = file.source_code_info.iter().flat_map(|it| &it.location);
        Self(locations.map(|it| (it.path.clone(), it.leading_comments().to_owned())).collect())
    }

    fn add<T>(&self, kind: i32, index: i32, parts: usize, it: T) -> Commented<T> {
        let comment = |path: &[i32]| self.0.get(path).cloned().unwrap_or_default();
        let parts = (0..).take(parts).map(|part| comment(&[kind, index, PARTS, part])).collect();
        Commented { it, comment: comment(&[kind, index]), parts }
    }
}

fn fields(title: &str, message: &Commented<DescriptorProto>, page: &mut String) {
    if message.it.field.is_empty() {
        write!(page, "\n{title}: no fields.\n").unwrap();
        return;
    }
    write!(page, "\n| {title} | Type | Meaning |\n|---|---|---|\n").unwrap();
    for (field, comment) in message.it.field.iter().zip(&message.parts) {
        // An optional field is in a oneof of its own, which nobody wrote.
        let choice = field.oneof_index.filter(|_| !field.proto3_optional());
        let choice = choice.map(|it| format!("One of `{}`. ", message.it.oneof_decl[it as usize].name()));
        let (name, of, choice) = (field.name(), kind(field), choice.unwrap_or_default());
        let shown_to = shown_to(message.it.name(), field.number());
        writeln!(page, "| `{name}` | {of} | {choice}{}{shown_to} |", cell(comment)).unwrap();
    }
}

/// Who sees a field of an answer, where that is not everybody.
fn shown_to(message: &str, number: i32) -> String {
    let name = format!("{PACKAGE}.{message}");
    let guarded = pb::GUARDED_MESSAGES.iter().find(|it| it.name == name);
    let field = guarded.and_then(|it| it.fields.iter().find(|it| i32::try_from(it.number) == Ok(number)));
    let asked = field.map_or(&[][..], |it| it.shown_to).iter().map(|it| format!("`{}`", name_of(*it)));
    let asked: Vec<String> = asked.collect();
    match asked.is_empty() {
        true => String::new(),
        false => format!(" Shown to {}.", asked.join(" with ")),
    }
}

fn kind(field: &FieldDescriptorProto) -> String {
    let name = field.type_name();
    // A type within a message is that of a map.
    let is_nested = name.trim_start_matches('.').trim_start_matches(PACKAGE).matches('.').count() > 1;
    if name.starts_with(&format!(".{PACKAGE}.")) && is_nested {
        return "map of `string` to `string`".to_owned();
    }
    let one = match field.r#type() {
        Type::Message | Type::Enum if name.starts_with(&format!(".{PACKAGE}.")) => link(local(name)),
        Type::Message | Type::Enum => format!("`{}`", name.trim_start_matches('.')),
        scalar => format!("`{}`", scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase()),
    };
    match field.label() {
        Label::Repeated => format!("list of {one}"),
        Label::Optional if field.proto3_optional() => format!("optional {one}"),
        Label::Optional | Label::Required => one,
    }
}

fn local(name: &str) -> &str {
    name.rsplit('.').next().expect("a split has at least one part")
}

fn link(name: &str) -> String {
    format!("[{name}](#{})", name.to_lowercase())
}

fn paragraphs(comment: &str) -> String {
    split(comment).join("\n\n")
}

fn cell(comment: &str) -> String {
    split(comment).join("<br>").replace('|', "\\|")
}

/// The paragraphs of a comment, each on a line of its own.
fn split(comment: &str) -> Vec<String> {
    let lines: Vec<&str> = comment.lines().map(str::trim).collect();
    lines.split(|it| it.is_empty()).filter(|it| !it.is_empty()).map(|it| it.join(" ")).collect()
}
