//! `keys`: API keys that the database has, made and revoked through a running server; and the first one, made before
//! there is anybody whom a server would let in.

use std::fmt::Display;

use clap::{Args, Subcommand};

use crate::access::{ApiKey, Grant, IssuedHolder, Role, is_anonymous};
use crate::client::{KeyedChannel, ServerOptions};
use crate::command_line::shown;
use crate::domain::{Actor, CreateApiKey, IssuedKey, Timestamp};
use crate::pb::access_service_client::AccessServiceClient;
use crate::pb::{self, Permission};
use crate::settings::{DatabaseFlags, Moment, Settings};
use crate::store::{Changed, Codec, Effect, RequestContext, Store, View};
use crate::terminal::say;
use crate::{clock, server};

/// Who makes the first key, as its record has it.
const COMMAND_LINE: &str = "command-line";

/// Keys of one page of the list.
const PAGE: i32 = 200;

#[derive(Subcommand)]
pub(super) enum Keys {
    /// Make an API key, and print it once
    Create {
        #[command(flatten)]
        wish: Wish,
        /// Make the first admin's key in the database itself, where no server can let anybody in yet
        #[arg(long)]
        first: bool,
        #[command(flatten)]
        database: DatabaseFlags,
        #[command(flatten)]
        target: ServerOptions,
    },
    /// List the API keys that let somebody in
    List {
        /// Those that were revoked, instead
        #[arg(long)]
        revoked: bool,
        #[command(flatten)]
        target: ServerOptions,
    },
    /// Take an API key away, on every server of the database
    Revoke {
        /// As `list` shows it: key_...
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        target: ServerOptions,
    },
}

/// The key that is wanted.
#[derive(Args)]
pub(super) struct Wish {
    /// The caller's name, by which its calls are recorded
    name: Actor,
    /// What it may do: a role, such as reader or admin, or courier:CODE
    #[arg(long = "role", required = true, value_name = "ROLE")]
    roles: Vec<Grant>,
    /// When the key ends: 2027-01-31T12:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Let it name persons on whose behalf it acts
    #[arg(long)]
    names_persons: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

pub(super) async fn run(command: Keys) -> Result<(), Box<dyn Display>> {
    match command {
        Keys::Create { wish, first: true, database, target: _ } => first(wish, &database).await,
        Keys::Create { wish, first: false, database: _, target } => create(wish, target).await,
        Keys::List { revoked, target } => list(revoked, target).await,
        Keys::Revoke { id, reason, target } => revoke(id, reason, target).await,
    }
}

async fn client_of(at: &ServerOptions) -> Result<AccessServiceClient<KeyedChannel>, Box<dyn Display>> {
    Ok(AccessServiceClient::new(at.connect().await.map_err(shown)?))
}

async fn create(wish: Wish, target: ServerOptions) -> Result<(), Box<dyn Display>> {
    let expires = ends_at(wish.expires)?;
    let api_key = pb::ApiKey {
        principal: wish.name.to_string(),
        roles: wish.roles.iter().map(ToString::to_string).collect(),
        names_persons: wish.names_persons,
        expire_time: expires.map(wire_time),
        note: wish.note,
        ..Default::default()
    };
    let request = pb::CreateApiKeyRequest { api_key: Some(api_key), ..Default::default() };
    let answer = client_of(&target).await?.create_api_key(request).await.map_err(refused)?.into_inner();
    let id = answer.api_key.map(|it| it.id).unwrap_or_default();
    tell(&wish.name, &id, &answer.secret);
    Ok(())
}

/// Writes an admin's key into the database, without asking a server. No key is needed for it: who may write to the database
/// could change everything there anyway.
async fn first(wish: Wish, flags: &DatabaseFlags) -> Result<(), Box<dyn Display>> {
    let settings = Settings::load_for_database(flags).map_err(shown)?;
    if !wish.roles.contains(&Grant::Role(Role::Admin)) {
        return Err(shown("the first key is an admin's, who makes the others: add --role admin"));
    }
    let name = wish.name.as_str();
    let is_named = settings.access.named().names().any(|it| it.is_same_person(&wish.name));
    if is_named || is_anonymous(name) {
        return Err(shown(format!("the name {name} is taken by the settings: choose another")));
    }
    let expires_at = ends_at(wish.expires)?;
    let store = server::open_store(&settings, clock::wall()).await.map_err(shown)?;
    let command = CreateApiKey {
        principal: wish.name,
        hash: [0; 32],
        roles: wish.roles.iter().map(ToString::to_string).collect(),
        names_persons: wish.names_persons,
        note: wish.note,
        expires_at,
    };
    let made = make_first(&store, command).await;
    store.close().await;
    let (key, secret) = made?;
    tell(&key.principal, &key.id.to_string(), secret.reveal());
    Ok(())
}

async fn make_first(store: &Store, command: CreateApiKey) -> Result<(IssuedKey, ApiKey), Box<dyn Display>> {
    store.migrate().await.map_err(shown)?;
    let now = store.now();
    let keys = store.live_keys().await.map_err(shown)?.keys;
    let admin = keys.iter().find(|it| {
        let lasts = it.expires_at.is_none_or(|end| end > now);
        lasts && IssuedHolder::of(it).holder.principal.permissions.contains(&Permission::ManageAccess)
    });
    if let Some(IssuedKey { id, principal, .. }) = admin {
        return Err(shown(format!(
            "{principal} has an admin's key already ({id}): make others with it; if it is lost, name an admin in the settings"
        )));
    }

    let secret = ApiKey::generate().ok_or_else(|| shown("the operating system gives no random numbers"))?;
    let command = CreateApiKey { hash: secret.hash().bytes(), ..command };
    let actor = Actor::stored(COMMAND_LINE.to_owned());
    let context =
        RequestContext { actor, principal: None, request: None, deadline: None, effect: Effect::Commit };
    let reply = |it: &IssuedKey, _: &View<'_>| it.clone();
    let made = store.change(context, command, reply, Codec::unkept()).await;
    Ok((made.map(Changed::into_answer).map_err(shown)?, secret))
}

fn tell(name: &Actor, id: &str, secret: &str) {
    say(format_args!("# The key, for {name} ({id}). It is not shown again:"));
    say(secret);
}

async fn list(revoked: bool, target: ServerOptions) -> Result<(), Box<dyn Display>> {
    let mut client = client_of(&target).await?;
    let mut request = pb::ListApiKeysRequest {
        page_size: PAGE,
        filter: format!("revoked = {revoked}"),
        ..Default::default()
    };
    loop {
        let page = client.list_api_keys(request.clone()).await.map_err(refused)?.into_inner();
        page.api_keys.iter().for_each(|it| say(line(it)));
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}

/// A key in a line of the list.
fn line(key: &pb::ApiKey) -> String {
    let mut line = format!("{}  {}  {}", key.id, key.principal, key.roles.join(","));
    if key.names_persons {
        line.push_str("  names persons");
    }
    if let Some(end) = key.expire_time.and_then(read_time) {
        line.push_str(&format!("  ends {end}"));
    }
    match key.last_used_date.as_str() {
        "" => line.push_str("  never used"),
        day => line.push_str(&format!("  last used {day}")),
    }
    if let Some(pb::ApiKeyRevocation { actor, time, reason }) = &key.revocation {
        let at = time.and_then(read_time).map(|it| it.to_string()).unwrap_or_default();
        line.push_str(&format!("  revoked {at} by {actor}: {reason}"));
    }
    if !key.note.is_empty() {
        line.push_str(&format!("  ({})", key.note));
    }
    line
}

async fn revoke(id: String, reason: String, target: ServerOptions) -> Result<(), Box<dyn Display>> {
    let request = pb::RevokeApiKeyRequest { api_key_id: id.clone(), reason, ..Default::default() };
    let answer = client_of(&target).await?.revoke_api_key(request).await.map_err(refused)?.into_inner();
    let name = answer.api_key.map(|it| it.principal).unwrap_or_default();
    say(format_args!("revoked {id}, of {name}"));
    Ok(())
}

fn ends_at(text: Option<String>) -> Result<Option<Timestamp>, Box<dyn Display>> {
    Ok(text.map(Moment::try_from).transpose().map_err(shown)?.map(|it| it.0))
}

fn wire_time(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.unix_micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    prost_types::Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

fn read_time(it: prost_types::Timestamp) -> Option<Timestamp> {
    Some(Timestamp::from_unix_micros(it.seconds.checked_mul(1_000_000)? + i64::from(it.nanos / 1_000)))
}

/// What a server said no with, without the code of it.
fn refused(status: tonic::Status) -> Box<dyn Display> {
    shown(status.message().to_owned())
}
