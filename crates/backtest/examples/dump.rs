//! scratch
use std::collections::BTreeMap;
use portcullis_backtest::Footage;
use portcullis_observe::Recording;
use portcullis_scan::Scanner;
use alloy_primitives::keccak256;
use portcullis_types::money::Asset;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut names: BTreeMap<[u8; 4], String> = BTreeMap::new();
    for f in std::env::var("SIGS").unwrap().split(':') {
        for w in std::fs::read_to_string(f)?.split(|c: char| c.is_whitespace() || c == '"' || c == '\\') {
            if w.contains('(') && w.ends_with(')') {
                let [a, b, c, d, ..] = keccak256(w).0;
                names.entry([a, b, c, d]).or_insert(w.split('(').next().unwrap().to_owned());
            }
        }
    }
    let max: usize = std::env::var("MAX").map_or(60, |m| m.parse().unwrap());
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap();
    let wanted: Vec<String> = args.collect();
    let mut order: Vec<serde_json::Value> = vec![];
    let mut n = 0usize;
    let mut labels: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    if let Ok(text) = std::fs::read_to_string(path.replace(".jsonl.gz", ".labels.jsonl")) {
        for l in text.lines() {
            let v: serde_json::Value = serde_json::from_str(l)?;
            let key = v["hash"].as_str().or_else(|| v["phase"].as_str()).unwrap().to_owned();
            order.push(v.clone());
            labels.insert(key, v);
        }
    }
    let (mut footage, mut scanner) = (Footage::new(), Scanner::new());
    for line in Recording::open(path.as_ref())?.lines() {
        let (_, line) = line?;
        for one in &footage.evidence(line).unwrap_or_default() {
            let hash = format!("{:#x}", one.hash);
            let label = labels.get(&hash).or_else(|| order.get(n).filter(|l| l["phase"].is_string()));
            n += 1;
            if label.is_some_and(|l| l["phase"] == "setup") { continue; }
            let inc = label.map_or(String::new(), |l| l["incident"].to_string());
            let said = scanner.inspect(one);
            let half = if one.hash.0[31] % 2 == 0 { "even" } else { "odd" };
            let show = wanted.iter().any(|w| w == "all" || (w == "missed" && said.is_none()) || (w=="missedeven" && said.is_none() && half == "even")|| (w=="missedodd" && said.is_none() && half == "odd") || inc.contains(w.as_str()) || hash.starts_with(w.as_str()));
            if !show { continue; }
            let (e, sig) = scanner.weigh(one);
            println!("\n=== {inc} {hash} {half} alert={} e={e:.0} {:?} chain {} idx {} from {} to {:?} value {} known {:?} frames {} created {} logs {}", said.is_some(), sig.iter().map(|s| format!("{}:{}", s.detector, s.e_value)).collect::<Vec<_>>(), one.chain, one.index, one.from, one.to, one.value, one.known, one.frames.len(), one.created.len(), one.logs.len());
            println!("label {:?}", label.map(|l| l.to_string()));
            let mut ids: BTreeMap<String, String> = BTreeMap::new();
            let mut nm = |a: alloy_primitives::Address| -> String {
                let s = format!("{a:#x}");
                if a == one.from { return "SENDER".into(); }
                if Some(a) == one.to { return format!("ROOT({})", &s[2..8]); }
                if one.created.iter().any(|c| c.address == a) { return format!("NEW({})", &s[2..8]); }
                ids.entry(s.clone()).or_insert_with(|| s[2..10].to_owned()).clone()
            };
            let mut depth = vec![];
            for (i, f) in one.frames.iter().enumerate() {
                let d = f.parent.map_or(0, |p| depth[p as usize] + 1);
                depth.push(d);
                if i >= max { continue; }
                let sel = f.selector().map(|s| names.get(&s).cloned().unwrap_or(format!("0x{}", alloy_primitives::hex::encode(s)))).unwrap_or_default();
                let words: Vec<String> = f.input.get(4..).unwrap_or(&[]).chunks_exact(32).take(7).map(|w| { let h = alloy_primitives::hex::encode(w); let t = h.trim_start_matches('0'); if t.len() == 40 || (t.len() > 36 && t.len() < 40) { nm(alloy_primitives::Address::from_slice(&w[12..])) } else if t.len() > 24 { format!("{}..", &t[..8]) } else if t.is_empty() { "0".into() } else { u128::from_str_radix(t, 16).map_or(t.to_owned(), |n| n.to_string()) } }).collect();
                println!("{:4} {}{:?} {}->{}{} {}({}){}{}{}", i, "  ".repeat(d), f.kind, nm(f.from), nm(f.to), if f.context != f.to { format!("[{}]", nm(f.context)) } else { String::new() }, sel, words.join(","), if f.value.is_zero() { String::new() } else { format!(" value {}", f.value) }, if f.input_length > 300 { format!(" len {}", f.input_length) } else { String::new() }, if f.effective { "" } else { " FAILED" });
            }
            println!("-- transfers {}", one.transfers.len());
            for t in one.transfers.iter().take(max) { println!("  {} {}->{} {} {:?}", match t.asset { Asset::Native => "ETH".into(), Asset::Token(a) => nm(a) }, nm(t.from), nm(t.to), t.amount, t.token_id); }
            println!("-- flows {}", one.flows.len());
            for t in one.flows.iter().take(max) { println!("  {} {} {}", nm(t.holder), match t.asset { Asset::Native => "ETH".into(), Asset::Token(a) => nm(a) }, t.delta); }
            for c in &one.created { if let Some(x) = &c.features { let f = |l: &Vec<alloy_primitives::Selector>| l.iter().map(|s| names.get(&s.0).cloned().unwrap_or_default()).filter(|s| !s.is_empty()).collect::<Vec<_>>(); println!("  FEAT {} len {} creation {} embedded {} fns {} {:?} calls {} {:?} ins {} ncalls {} del {} sd {}", c.address, x.length, x.creation_length, x.embedded.len(), x.functions.len(), f(&x.functions), x.calls.len(), f(&x.calls), x.n_instructions, x.n_calls, x.n_delegate_calls, x.self_destruct); } }
            println!("reentries {} state {} code {}", one.reentries.len(), one.storage.len(), one.code.len());
        }
    }
    Ok(())
}
