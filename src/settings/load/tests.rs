//! Tests of `load`.

use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};

use crate::settings::flags::ServeFlags;
use crate::settings::load::{SettingsError, key_of};
use crate::settings::secret::Secret;
use crate::settings::tokens::KeySource;
use crate::settings::values::Settings;

fn read(toml: &str) -> Result<Settings, SettingsError> {
    Settings::settle(&Figment::from(Toml::string(toml)))
}

fn keys(toml: &str) -> Vec<String> {
    read(toml).expect_err("wrong on purpose").0.into_iter().map(|it| it.field).collect()
}

#[test]
fn nothing_said_means_the_defaults() {
    assert_eq!(read(""), Ok(Settings::default()));
}

#[test]
fn every_wrong_value_is_listed_at_once_with_its_key() {
    let wrong = r#"
            lisen = "127.0.0.1:1"
            listen = "somewhere"
            database_url = "mysql://u:topsecret@h/d"
            [limits]
            queue = "many"
            calls = 0
            page_size = 100
            page_size_max = 50
            [rules]
            reservation_lifetime_seconds = 0
            taxes = [{ country = "Germany", category = "*", rate_ppm = 1 }]
            [rules.regions]
            "NORTH AMERICA" = ["US"]
        "#;
    let mut keys = keys(wrong);
    keys.sort();
    let expected = [
        "database_url",
        "limits.calls",
        "limits.page_size",
        "limits.queue",
        "lisen",
        "listen",
        "rules.regions.NORTH AMERICA",
        "rules.reservation_lifetime_seconds",
        "rules.taxes.0.country",
    ];
    assert_eq!(keys, expected);
    assert!(!read(wrong).expect_err("wrong on purpose").to_string().contains("topsecret"));
}

#[test]
fn an_unknown_key_is_refused_at_every_level() {
    assert_eq!(keys("[log]\ncolour = true"), ["log.colour"]);
    assert_eq!(keys("[rules.approval.payment]\nrisks = []"), ["rules.approval.payment.risks"]);
    assert_eq!(keys("[[rules.taxes]]\ncountry = \"DE\"\ncategory = \"*\"\nrate = 1"), ["rules.taxes.0.rate"]);
}

#[test]
fn listening_beyond_loopback_has_to_be_meant() {
    let open = "listen = \"0.0.0.0:50051\"\n";
    assert_eq!(keys(open), ["listen", "payment_provider"]);
    assert_eq!(keys(&format!("{open}insecure_listen = true")), ["payment_provider"]);
    assert_eq!(keys(&format!("{open}sandbox_beyond_loopback = true")), ["listen"]);
    assert!(read(&format!("{open}insecure_listen = true\nsandbox_beyond_loopback = true")).is_ok());
    assert!(read("listen = \"[::1]:50051\"").is_ok());
    assert_eq!(keys("[operations]\nlisten = \"0.0.0.0:50052\""), ["operations.listen"]);
    assert!(read("operations.listen = \"127.0.0.1:50052\"").is_ok());
}

#[test]
fn a_region_list_that_is_given_replaces_the_default_one() {
    let settings = read("[rules.regions]\nASIA = [\"MY\"]").expect("legal");
    assert_eq!(settings.rules.regions.len(), 1);
}

#[test]
fn answers_go_to_one_bare_address() {
    for bad in ["Help <help@shop.example>", "help", "a@shop.example, b@shop.example"] {
        assert_eq!(keys(&format!("mail.reply_to = \"{bad}\"")), ["mail.reply_to"]);
    }
    let settings = read("mail.reply_to = \"help@shop.example\"").expect("legal");
    assert_eq!(settings.mail.reply_to, "help@shop.example");
    assert!(read("mail.reply_to = \"\"").is_ok());
}

#[test]
fn the_company_is_named_as_the_sender_is_unless_it_says_otherwise() {
    let name = |toml: &str| read(toml).expect("legal").rules.company_name;
    assert_eq!(name("mail.from = \"Northwind <orders@shop.example>\""), "Northwind");
    assert_eq!(name("mail.from = \"N <orders@shop.example>\"\n[rules]\ncompany_name = \"S\""), "S");
    assert_eq!(name("mail.from = \"orders@shop.example\""), "");
    assert_eq!(
        keys("mail.from = \"orders\"\n[rules]\ncompany_name = \"a\\nb\""),
        ["mail.from", "rules.company_name"]
    );
}

#[test]
fn a_way_for_mail_needs_its_own_keys_and_takes_no_others() {
    assert_eq!(keys("mail.provider = \"smtp\""), ["mail.smtp.host"]);
    assert_eq!(keys("mail.provider = \"program\""), ["mail.program"]);
    assert_eq!(
        keys("[mail]\nprogram = \"/bin/post\"\nsmtp.host = \"relay\""),
        ["mail.program", "mail.smtp.host"]
    );
    assert_eq!(
        keys("[mail]\nprovider = \"program\"\nprogram = \"/bin/post\"\nfolder = \"mail\""),
        ["mail.folder"]
    );
    assert_eq!(keys("mail.provider = \"pigeon\""), ["mail.provider"]);
}

#[test]
fn a_relay_is_given_no_password_in_the_clear_and_none_is_printed() {
    let smtp =
        |more: &str| format!("mail.provider = \"smtp\"\n[mail.smtp]\nhost = \"relay.example\"\n{more}");
    let login = "user = \"shop\"\npassword = \"s3cret://word\"";
    assert_eq!(keys(&smtp(&format!("tls = \"none\"\n{login}"))), ["mail.smtp.tls"]);
    assert_eq!(keys(&smtp("user = \"shop\"")), ["mail.smtp.user"]);
    assert_eq!(
        keys(&smtp("connections = 0\nanswer_seconds = 11")),
        ["mail.smtp.connections", "mail.smtp.answer_seconds"]
    );
    let settings = read(&smtp(login)).expect("legal");
    assert_eq!((settings.mail.smtp.port(), settings.mail.smtp.password.reveal()), (587, "s3cret://word"));
    assert!(!settings.print().contains("word\"") && !format!("{settings:?}").contains("s3cret"));
}

#[test]
fn flags_go_before_the_file() {
    let flags = ServeFlags { listen: Some(([127, 0, 0, 1], 7).into()), ..ServeFlags::default() };
    let layers = Figment::from(Toml::string("listen = \"127.0.0.1:8\"\ndata_dir = \"here\""))
        .merge(Serialized::defaults(flags));
    let settings = Settings::settle(&layers).expect("legal");
    assert_eq!((settings.listen.port(), settings.data_dir), (7, PathBuf::from("here")));
}

#[test]
fn a_variable_is_the_key_that_it_says_and_its_codes_stay_as_they_are() {
    for (variable, key) in [
        ("LISTEN", "listen"),
        ("LIMITS__GROUP_MAX", "limits.group_max"),
        ("RULES__REGIONS", "rules.regions"),
        ("RULES__REGIONS__NORTH_AMERICA", "rules.regions.NORTH_AMERICA"),
        ("rules__regions__Asia", "rules.regions.Asia"),
        ("RULES__VERIFICATION__ADDRESS", "rules.verification.ADDRESS"),
        ("RULES__ASSESSED_RISK__MEDIUM", "rules.assessed_risk.MEDIUM"),
        ("RULES__ALLOCATION", "rules.allocation"),
        ("RULES__ALLOCATION_BY_REGION__ASIA", "rules.allocation_by_region.ASIA"),
        ("RULES__TRANSIT_DAYS__EXPRESS", "rules.transit_days.EXPRESS"),
        ("RULES__STUCK_AFTER_SECONDS__HOLD", "rules.stuck_after_seconds.HOLD"),
        (
            "RULES__APPROVAL__PAYMENT__AUTOMATIC_UP_TO_MINOR__EUR",
            "rules.approval.payment.automatic_up_to_minor.EUR",
        ),
        ("RULES__APPROVAL__RESERVATION__RISK", "rules.approval.reservation.risk"),
    ] {
        assert_eq!(key_of(variable), key);
    }
}

#[test]
fn slips_and_gates_have_times_within_a_year_and_zero_switches_off() {
    let wrong = "[rules.slips]\nno_scan_seconds = 31536001\n[rules.stuck_after_seconds]\nHOLD = 31536001";
    assert_eq!(keys(wrong), ["rules.slips.no_scan_seconds", "rules.stuck_after_seconds.HOLD"]);
    let off = "[rules.slips]\nno_scan_seconds = 0\n[rules.stuck_after_seconds]\nHOLD = 0\nSTOCK = 31536000";
    assert!(read(off).is_ok());
    assert!(read("[rules.stuck_after_seconds]\nNOWHERE = 1").is_err());
}

#[test]
fn a_filter_of_the_log_that_is_not_understood_is_refused() {
    for wrong in ["", "verbose", "consign=loud"] {
        assert_eq!(keys(&format!("log.filter = {wrong:?}")), ["log.filter"]);
    }
}

#[test]
fn what_is_printed_reads_back_and_hides_the_password() {
    let mut settings = Settings::default();
    assert_eq!(read(&settings.print()), Ok(settings.clone()));

    settings.database_url = Some(Secret::new("postgres://clerk:topsecret@db/consign"));
    assert!(settings.print().contains("postgres://clerk:***@db/consign"));
    assert!(!format!("{settings:?}").contains("topsecret"));
}

#[test]
fn a_password_is_hidden_wherever_it_stands() {
    let shown = |url: &str| Secret::new(url).to_string();
    assert_eq!(shown("postgres://db.test:5433/consign"), "postgres://db.test:5433/consign");
    assert_eq!(shown("postgres://clerk@db.test/consign"), "postgres://clerk@db.test/consign");
    assert_eq!(shown("postgres://clerk:p@ss/wor?d@db.test/consign"), "postgres://clerk:***@db.test/consign");
    assert_eq!(
        shown("postgres://db.test/consign?user=clerk&password=p&sslmode=require"),
        "postgres://db.test/consign?user=clerk&password=***&sslmode=require"
    );
    assert_eq!(shown("topsecret"), "***://");
}

#[test]
fn terms_of_payment_end_while_the_goods_are_kept_and_an_account_is_one() {
    assert_eq!(keys("[rules]\npayment_terms_days = 14"), ["rules.payment_terms_days"]);
    assert!(read("[rules]\npayment_terms_days = 14\nreservation_lifetime_seconds = 1209600").is_ok());
    assert_eq!(keys("[seller.bank]\niban = \"DE00\""), ["seller.bank.iban"]);
    let seller = "[seller]\nname = \"North Wind\"\npay_by = [\"BANK_TRANSFER\"]\n[seller.bank]\niban = \"DE89 3704 0044 0532 0130 00\"";
    assert!(read(seller).is_ok());
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        path.display().to_string()
    };
    let (url, password) = (file("url", "postgres://u:p@h/d\n"), file("password", "with\nline\r\n"));
    let (token, signing) = (file("token", "2026"), file("signing", "a secret of 16 bytes or more\n\n"));
    let settings = read(&format!(
        r#"
            database_url_file = "{url}"
            [mail]
            provider = "smtp"
            smtp = {{ host = "mail.example", user = "u", password_file = "{password}" }}
            [couriers.swift]
            provider = "karrio"
            url = "https://karrio.example"
            carrier = "c"
            services = {{ STANDARD = "s" }}
            token_file = "{token}"
            [webhooks]
            listen = "127.0.0.1:0"
            secret_files = {{ swift = "{signing}" }}
        "#
    ));
    let settings = settings.expect("all is right");
    assert_eq!(settings.database_url.expect("there is one").reveal(), "postgres://u:p@h/d");
    assert_eq!(settings.mail.smtp.password.reveal(), "with\nline");
    assert_eq!(settings.couriers.values().next().expect("one").token.reveal(), "2026");
    let signing = settings.webhooks.secrets.values().next().expect("one").bytes();
    assert_eq!(signing, b"a secret of 16 bytes or more\n", "only the last line end goes");
}

#[test]
fn a_list_of_secrets_may_be_a_list_of_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let (new, old) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{text}\n")).expect("it is written");
        path.display().to_string()
    };
    let (of_new, of_old) = (file("new", new), file("old", old));
    let with =
        |more: &str| format!("[events.subscribers.shop]\nurl = \"https://shop.example.com/e\"\n{more}\n");
    let named = read(&with(&format!("secret_files = [\"{of_new}\", \"{of_old}\"]"))).expect("all is right");
    let written = read(&with(&format!("secrets = [\"{new}\", \"{old}\"]"))).expect("all is right");
    assert!(named.events == written.events && named.events != Settings::default().events);

    let error = |more: &str| read(&with(more)).expect_err("wrong on purpose").to_string();
    let at = "events.subscribers.shop.secret_files";
    let told = error(&format!("secret_files = [\"{of_new}\", \"/nowhere/old\"]"));
    assert!(told.starts_with(&format!("{at}.1: /nowhere/old cannot be read: ")), "{told}");
    assert!(!told.contains('\n'), "nothing else is said: {told}");
    assert_eq!(error("secret_files = [7]"), format!("{at}.0: must be the name of a file"));
    assert_eq!(error(&format!("secret_files = \"{of_new}\"")), format!("{at}: must be a list of files"));
    let told = error(&format!("secrets = [\"{old}\"]\nsecret_files = [\"{of_new}\"]"));
    assert_eq!(told, format!("{at}: events.subscribers.shop.secrets is set too: only one of them may be"));
    let told = error("secret_files = []");
    assert!(told.starts_with("events.subscribers.shop.secrets: must have one secret"), "{told}");
    let told = error(&format!("secret_files = [\"{}\"]", file("wrong", "whsec_short")));
    assert!(told.contains("must be whsec_") && !told.contains("whsec_short"), "{told}");
}

#[test]
fn a_secret_file_that_cannot_be_used_is_named_and_says_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").expect("it is written");
    let wrong = format!(
        r#"
            database_url = "postgres://u:hidden@h/d"
            database_url_file = "/nowhere/url"
            [mail.smtp]
            password_file = 7
            [webhooks]
            secret_files = {{ swift = "/nowhere/signing", steady = "{}" }}
        "#,
        empty.display()
    );
    let error = read(&wrong).expect_err("wrong on purpose").to_string();
    let said = [
        "database_url_file: database_url is set too: only one of them may be",
        "mail.smtp.password_file: must be the name of a file",
        "webhooks.secret_files.steady: ",
        "webhooks.secret_files.swift: /nowhere/signing cannot be read: ",
    ];
    assert!(said.iter().all(|it| error.contains(it)) && !error.contains("hidden"), "{error}");
}

#[test]
fn master_keys_of_the_archive_have_256_bits_and_versions_of_which_the_last_is_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{}\n", "0F".repeat(32))).expect("it is written");
    let (key, path) = ("1f".repeat(32), path.display());
    let settings = read(&format!("[archive]\nkeys = {{ 9 = \"{key}\" }}\nkey_files = {{ 10 = \"{path}\" }}"));
    let settings = settings.expect("all is right");
    let master_keys = settings.archive.master_keys();
    assert_eq!(master_keys.into_iter().collect::<Vec<_>>(), [(9, [0x1f; 32]), (10, [0x0f; 32])]);
    assert_eq!(settings.rules().archive_key, Some(10));
    assert!(!settings.print().contains(&key));
    assert_eq!(Settings::default().rules().archive_key, None);

    for version in ["one", "0", "01", "-1"] {
        assert_eq!(
            keys(&format!("[archive.keys]\n{version} = \"{key}\"")),
            [format!("archive.keys.{version}")]
        );
    }
    for wrong in ["", &key[1..], &format!("{key}00"), &key.replace('f', "g"), &key.replace('f', "é")] {
        assert_eq!(keys(&format!("[archive.keys]\n1 = \"{wrong}\"")), ["archive.keys.1"], "{wrong}");
    }
}

#[test]
fn callers_with_certificates_are_named_once_and_need_an_authority() {
    let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_authorities = \"c\"\n";
    let till = "[[access.certificates]]\nsubject = \"the till\"\nname = \"till\"\nroles = [\"finance\"]\n";
    assert_eq!(keys(till), ["access.certificates"]);
    let known = read(&format!("{till}{tls}")).expect("it is whole");
    assert_eq!(known.access.named().names().map(ToString::to_string).collect::<Vec<_>>(), ["till"]);

    let wrong = format!(
        "{till}{till}
         [[access.certificates]]
         subject = \"\"
         name = \"two words\"
         roles = []
         [[access.certificates]]
         subject = \"another\"
         name = \"till\"
         roles = [\"admin\"]
         {tls}"
    );
    let mut expected = vec!["access.certificates.1.subject"];
    expected.extend([
        "access.certificates.2.name",
        "access.certificates.2.subject",
        "access.certificates.2.roles",
    ]);
    expected.push("access.certificates.3");
    assert_eq!(keys(&wrong), expected);
}

#[test]
fn a_caller_of_the_settings_has_no_more_roles_than_a_key_of_the_database_may_have() {
    let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_authorities = \"c\"\n";
    let callers = |couriers: usize| {
        let roles: Vec<_> = (0..couriers).map(|it| format!("\"courier:C-{it}\"")).collect();
        let (roles, hash) = (roles.join(", "), "0".repeat(64));
        format!(
            "[access.keys.desk]
             sha256 = [\"{hash}\"]
             roles = [{roles}]
             [[access.certificates]]
             subject = \"the till\"
             name = \"till\"
             roles = [{roles}]
             {tls}"
        )
    };
    assert!(read(&callers(20)).is_ok());
    assert_eq!(keys(&callers(21)), ["access.keys.desk.roles", "access.certificates.0.roles"]);
}

#[test]
fn tokens_are_of_an_issuer_whose_keys_come_safely() {
    let whole = "[access.tokens]\nissuer = \"i\"\naudience = \"a\"\n";
    let with = |more: &str| format!("{whole}{more}");
    let known = read(&with("jwks_url = \"https://login.example/keys\"")).expect("it is whole");
    let (rules, source) = known.access.tokens.rules().expect("tokens are taken");
    assert_eq!((rules.issuer.as_str(), rules.algorithms.len()), ("i", 3));
    assert_eq!(source, KeySource::Url("https://login.example/keys".to_owned()));
    for url in ["http://127.0.0.1:8080/keys", "http://localhost/keys", "http://[::1]:1/keys"] {
        assert!(read(&with(&format!("jwks_url = \"{url}\""))).is_ok(), "{url}");
    }
    for url in
        ["http://login.example/keys", "http://localhost.example", "ftp://localhost/", "keys", "https://a@b/"]
    {
        assert_eq!(keys(&with(&format!("jwks_url = \"{url}\""))), ["access.tokens.jwks_url"], "{url}");
    }
    assert_eq!(keys("[access.tokens]\njwks_file = \"f\""), ["access.tokens.jwks_file"]);
    assert_eq!(keys("[access.tokens]\nissuer = \"i\""), ["access.tokens.audience", "access.tokens.jwks_url"]);
    assert_eq!(keys(&with("jwks_file = \"f\"\njwks_url = \"https://b/\"")), ["access.tokens.jwks_url"]);
    let wrong = with("jwks_file = \"f\"\nalgorithms = []\nleeway_seconds = 301\nname_claim = \"\"");
    let expected = ["access.tokens.algorithms", "access.tokens.leeway_seconds", "access.tokens.name_claim"];
    assert_eq!(keys(&wrong), expected);
    for algorithm in ["none", "HS256", "ES384"] {
        let wrong = with(&format!("jwks_file = \"f\"\nalgorithms = [\"{algorithm}\"]"));
        assert!(keys(&wrong)[0].starts_with("access.tokens.algorithms"), "{algorithm}");
    }
}
