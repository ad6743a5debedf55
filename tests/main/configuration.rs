//! causet.toml is what its JSON Schema says: the reader and the schema know the same keys and words, and take and refuse
//! the same files.

use serde_json::{Map, Value, json};
use std::path::Path;

fn schema() -> Value {
    serde_json::from_str(causet::config::SCHEMA).unwrap()
}

/// The reader's message about a file, if it refuses it.
fn refusal(text: &str) -> Option<String> {
    causet::config::parse(Path::new("causet.toml"), text.to_owned()).err().map(|error| error.message)
}

/// The words that the reader's message about an unknown one says there are.
fn known(text: &str) -> Vec<String> {
    let message = refusal(text).unwrap_or_else(|| panic!("taken: {text}"));
    let (_, known) = message.split_once("; there are ").unwrap_or_else(|| panic!("{text}: {message}"));
    let mut known: Vec<String> = known.split(", ").map(str::to_owned).collect();
    known.sort_unstable();
    known
}

/// No word is like this one.
const NO_WORD: &str = "zqxzqxzq";

/// A file of one line in the section at this path of tables; in a list of tables where the last is one.
fn file(path: &[&str], is_list: bool, line: &str) -> String {
    let path = path.join(".");
    match (&*path, is_list) {
        ("", _) => format!("{line}\n"),
        (path, true) => format!("[[{path}]]\n{line}\n"),
        (path, false) => format!("[{path}]\n{line}\n"),
    }
}

/// Compares a section of the schema, and those below it, with the reader. Answers with how many words were compared.
fn compare(path: &[&str], is_list: bool, section: &Value) -> usize {
    assert_eq!(section["additionalProperties"], false, "{path:?} takes any key");
    let properties: &Map<String, Value> = section["properties"].as_object().unwrap();
    let mut keys: Vec<&String> = properties.keys().collect();
    keys.sort_unstable();
    assert_eq!(known(&file(path, is_list, &format!("{NO_WORD} = 1"))).iter().collect::<Vec<_>>(), keys, "{path:?}");
    let mut compared = keys.len();
    for (key, property) in properties {
        let below = [path, &[key.as_str()]].concat();
        let items = &property["items"];
        if let Some(words) = property["enum"].as_array() {
            let mut words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            words.sort_unstable();
            assert_eq!(known(&file(path, is_list, &format!("{key} = \"{NO_WORD}\""))), words, "{below:?}");
            compared += words.len();
        } else if items["properties"].is_object() {
            compared += compare(&below, true, items);
        } else if property["properties"].is_object() {
            compared += compare(&below, false, property);
        } else if property["additionalProperties"]["properties"].is_object() {
            compared += compare(&[&below[..], &["any"]].concat(), false, &property["additionalProperties"]);
        }
        // What the schema says is needed is needed, and nothing else is.
        let required = section["required"].as_array().is_some_and(|all| all.contains(&json!(key)));
        let others = section["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let without: Vec<String> =
            others.filter(|other| other != key).map(|other| format!("{other} = \"x\"")).collect();
        let refused = refusal(&file(path, is_list, &without.join("\n")));
        assert_eq!(refused.is_some_and(|message| message == format!("missing field `{key}`")), required, "{below:?}");
    }
    compared
}

#[test]
fn the_schema_and_the_reader_know_the_same_words() {
    let compared = compare(&[], false, &schema());
    assert!(compared > 60, "{compared} words are not all of them");
}

/// Files that both take.
const GOOD: [&str; 22] = [
    "[analyze]\n",
    "[traces]\ninputs = [\"a\", \"b/*.jsonl\"]\nincomplete = \"warn\"\n[analyze]\nfail-on = \"critical\"\n",
    "[analyze.detectors.error-status]\nenabled = false\nseverity = \"low\"\n",
    "[analyze.detectors.n-plus-one.thresholds]\nleast-calls = 3\nhigh-share = 0.5\n",
    "[[check]]\n",
    "[[check]]\nname = \"a\"\ninputs = [\"h\"]\nmodel = \"register\"\nmodel-option = { initial = [1, \"x\"] }\n",
    "[[check]]\nproperty = [\"linearizable\"]\nkey = \"tuple\"\nshrink = \"full\"\nlenient = true\n",
    "[[check]]\ntimeout = \"30s\"\nmax-memory = \"512MiB\"\nmax-steps = 0\n",
    "[[check]]\ntimeout = \"1.5h\"\nmax-memory = \"2 gb\"\nfail-on = \"never\"\n",
    "[[check]]\ntimeout = \"250 µs\"\nmax-memory = \"1024\"\n",
    "[[check]]\ntimeout = \"5min\"\nmax-memory = \"1k\"\n",
    "[[check]]\ntimeout = \".5s\"\nmax-memory = \"1.KB\"\n",
    "[[expect]]\nthat = \"unbroken()\"\n",
    "[[expect]]\nname = \"a\"\nthat = 'latency.p99 < \"1s\"'\n[[expect]]\nthat = \"errors.count == 0\"\n",
    "[extract]\nrule-sets = [\"database\", \"messaging\"]\n[[check]]\n",
    "[[extract.rule]]\nspan = \"GET *\"\nf = \"get\"\nkey = \"{k}\"\n[[check]]\n",
    "[[extract.rule]]\nname = \"r\"\nservice = \"s\"\nkind = \"client\"\nattributes = { \"a.b\" = \"c\" }\nf = \"put\"\ninput = \"{i}\"\n\
     output = \"{o}\"\nstatus = \"ok\"\nprocess = \"{p}\"\n[[check]]\n",
    "[analyze]\n[[suppress]]\nrule = \"error-status\"\nreason = \"x\"\n",
    "[analyze]\n[[suppress]]\nrule = \"error-status\"\nreason = \"x\"\nuntil = 2030-03-31\n",
    "[analyze]\n[[suppress]]\nrule = \"error-status\"\nreason = \"x\"\nuntil = \"2030-03-31\"\nservice = \"a*\"\noperation = \"b\"\n",
    "[[check]]\n[[suppress]]\nrule = \"linearizable\"\nreason = \"x\"\ninput = \"**/a\"\n",
    "expect = [{ that = \"unbroken()\" }]\n",
];

/// Files that both refuse.
const BAD: [&str; 40] = [
    "checks = []\n",
    "[check]\n",
    "[[traces]]\n",
    "traces = \"a\"\n",
    "[traces]\ninput = [\"a\"]\n",
    "[traces]\ninputs = \"a\"\n",
    "[traces]\ninputs = [1]\n",
    "[traces]\nincomplete = \"ignore\"\n",
    "[traces]\nincomplete = true\n",
    "[analyze]\nfail-on = \"none\"\n",
    "[analyze]\ndetectors = [\"error-status\"]\n",
    "[analyze.detectors.error-status]\nenabled = \"no\"\n",
    "[analyze.detectors.error-status]\nseverity = 3\n",
    "[analyze.detectors.error-status]\nlevel = \"low\"\n",
    "[analyze.detectors.n-plus-one.thresholds]\nleast-calls = \"3\"\n",
    "[analyze.detectors.n-plus-one.thresholds]\nleast-calls = -3\n",
    "[[check]]\nmodle = \"kv\"\n",
    "[[check]]\nname = 7\n",
    "[[check]]\nmodel = [\"kv\"]\n",
    "[[check]]\nproperty = \"linearizable\"\n",
    "[[check]]\nmodel = \"register\"\nmodel-option = \"initial=0\"\n",
    "[[check]]\nkey = \"pair\"\n",
    "[[check]]\nshrink = true\n",
    "[[check]]\nlenient = 1\n",
    "[[check]]\ntimeout = 30\n",
    "[[check]]\ntimeout = \"30\"\n",
    "[[check]]\ntimeout = \"1..5s\"\n",
    "[[check]]\ntimeout = \"-1s\"\n",
    "[[check]]\nmax-memory = \"many\"\n",
    "[[check]]\nmax-memory = \"5Ki\"\n",
    "[[check]]\nmax-steps = -1\n",
    "[[check]]\nmax-steps = 1.5\n",
    "[[check]]\nfail-on = \"always\"\n",
    "[[expect]]\nname = \"a\"\n",
    "[[expect]]\nthat = true\n",
    "[[extract.rule]]\nspan = \"GET *\"\n[[check]]\n",
    "[[extract.rule]]\nf = \"get\"\nattributes = { a = 1 }\n[[check]]\n",
    "[analyze]\n[[suppress]]\nrule = \"error-status\"\n",
    "[analyze]\n[[suppress]]\nrule = \"error-status\"\nreason = \" \"\n",
    "[analyze]\n[[suppress]]\nrule = \"error-status\"\nreason = \"x\"\nuntil = 2030-03-31T10:00:00\n",
];

/// A file as editors hand it to the schema: dates are texts.
fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Datetime(moment) => json!(moment.to_string()),
        toml::Value::Array(items) => items.iter().map(as_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
        plain => serde_json::to_value(plain).unwrap(),
    }
}

#[test]
fn the_schema_and_the_reader_take_and_refuse_the_same_files() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("configuration");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("causet.toml");
    let template = causet::config::TEMPLATE;
    let recorded = std::fs::read_dir("testdata/gate").unwrap().map(|entry| entry.unwrap().path());
    let recorded = recorded.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let recorded: Vec<String> = recorded.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(recorded.len() >= 4);
    let good = GOOD.into_iter().chain([template]).chain(recorded.iter().map(String::as_str)).map(|text| (text, true));
    for (text, wanted) in good.chain(BAD.into_iter().map(|text| (text, false))) {
        let value: toml::Value = toml::from_str(text).unwrap();
        let errors: Vec<String> = schema.iter_errors(&as_json(&value)).map(|error| error.to_string()).collect();
        assert_eq!(errors.is_empty(), wanted, "the schema on\n{text}{errors:?}");
        std::fs::write(&path, text).unwrap();
        // The reader with all that is looked up after it, as a user meets it.
        let shown = std::process::Command::new(env!("CARGO_BIN_EXE_causet"))
            .args(["config", "show", "--config"])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&shown.stderr);
        assert_eq!(shown.status.success(), wanted, "the reader on\n{text}{said}");
    }
}
