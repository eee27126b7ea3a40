//! Reading call traces of any depth.
//!
//! `serde_json` stops at 128 levels of nesting, which is 64 calls; the EVM allows 1,024. Who can
//! nest calls could otherwise make a transaction unreadable, so deep frames are read with a stack
//! of our own instead of the program's.

use alloy_primitives::{Address, Bytes, U256};
use portcullis_types::{
    text::printable,
    wire::{TraceFrame, TracedTransaction, WireLog},
};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

/// Deepest nesting that is read, in calls: the EVM's own limit, and the transaction itself.
pub(crate) const CALL_DEPTH_MAX: usize = 1_025;

/// A [`TraceFrame`] whose calls are not read yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlatFrame<'a> {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    from: Address,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: Option<U256>,
    #[serde(default)]
    gas: Option<U256>,
    #[serde(default)]
    gas_used: Option<U256>,
    #[serde(default)]
    input: Bytes,
    #[serde(default)]
    output: Option<Bytes>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    revert_reason: Option<String>,
    #[serde(borrow, default)]
    calls: Vec<&'a RawValue>,
    #[serde(default)]
    logs: Option<Vec<WireLog>>,
}

/// Reads one frame with everything below it. Its texts are hostile and made printable.
pub(crate) fn frame(raw: &str) -> serde_json::Result<TraceFrame> {
    // Almost every frame is shallow, and one pass is faster than one for each level.
    let mut frame = match serde_json::from_str(raw) {
        Ok(frame) => frame,
        Err(_) => deep_frame(raw)?,
    };
    clean(&mut frame);
    Ok(frame)
}

/// Reads the traces of a block.
pub(crate) fn traces(raw: &str) -> serde_json::Result<Vec<TracedTransaction<TraceFrame>>> {
    if let Ok(mut traces) = serde_json::from_str::<Vec<TracedTransaction<TraceFrame>>>(raw) {
        for trace in &mut traces {
            trace.error = trace.error.as_deref().map(printable);
            if let Some(frame) = &mut trace.result {
                clean(frame);
            }
        }
        return Ok(traces);
    }
    let flat: Vec<TracedTransaction<Box<RawValue>>> = serde_json::from_str(raw)?;
    let mut traces = Vec::with_capacity(flat.len());
    for TracedTransaction { tx_hash, result, error } in flat {
        let result = result.map(|raw| frame(raw.get())).transpose()?;
        let error = error.as_deref().map(printable);
        traces.push(TracedTransaction { tx_hash, result, error });
    }
    Ok(traces)
}

/// Makes the texts of a frame and of all frames below it printable.
fn clean(frame: &mut TraceFrame) {
    let mut rest = vec![frame];
    while let Some(frame) = rest.pop() {
        frame.kind = printable(&frame.kind);
        frame.error = frame.error.as_deref().map(printable);
        frame.revert_reason = frame.revert_reason.as_deref().map(printable);
        rest.extend(frame.calls.iter_mut());
    }
}

/// A frame under construction and the calls that are still to be read into it.
struct Open<'a> {
    frame: TraceFrame,
    rest: std::vec::IntoIter<&'a RawValue>,
}

fn deep_frame(raw: &str) -> serde_json::Result<TraceFrame> {
    let mut parents: Vec<Open<'_>> = Vec::new();
    let mut open = begin(raw)?;
    loop {
        if let Some(next) = open.rest.next() {
            if parents.len() + 2 > CALL_DEPTH_MAX {
                let problem = format!("calls are nested deeper than {CALL_DEPTH_MAX}");
                return Err(serde_json::Error::custom(problem));
            }
            parents.push(std::mem::replace(&mut open, begin(next.get())?));
            continue;
        }
        let Some(mut parent) = parents.pop() else { return Ok(open.frame) };
        parent.frame.calls.push(open.frame);
        open = parent;
    }
}

fn begin(raw: &str) -> serde_json::Result<Open<'_>> {
    let flat: FlatFrame<'_> = serde_json::from_str(raw)?;
    let frame = TraceFrame {
        kind: flat.kind,
        from: flat.from,
        to: flat.to,
        value: flat.value,
        gas: flat.gas,
        gas_used: flat.gas_used,
        input: flat.input,
        output: flat.output,
        error: flat.error,
        revert_reason: flat.revert_reason,
        calls: Vec::with_capacity(flat.calls.len()),
        logs: flat.logs,
    };
    Ok(Open { frame, rest: flat.calls.into_iter() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        let mut text = String::from(r#"{"type":"CALL","input":"0x01","logs":[]}"#);
        for level in 1..depth {
            text = format!(r#"{{"type":"STATICCALL","gas":"0x{level:x}","calls":[{text}]}}"#);
        }
        text
    }

    #[test]
    fn frames_as_deep_as_the_evm_allows_are_read_and_written() {
        for depth in [1, 2, 63, 64, 65, 200, CALL_DEPTH_MAX] {
            let read = frame(&nested(depth)).unwrap();
            let again = serde_json::to_string(&read).unwrap();
            assert_eq!(frame(&again).unwrap(), read.clone());
            let mut deepest = &read;
            let mut count = 1;
            while let Some(inner) = deepest.calls.first() {
                deepest = inner;
                count += 1;
            }
            assert_eq!((count, deepest.logs.as_ref()), (depth, Some(&Vec::new())));
        }
        let error = frame(&nested(CALL_DEPTH_MAX + 1)).unwrap_err().to_string();
        assert_eq!(error, "calls are nested deeper than 1025");
    }

    #[test]
    fn order_and_siblings_are_kept() {
        let deep = nested(100);
        let raw = format!(
            r#"[{{"txHash":null,"result":{{"type":"CALL","calls":[
            {{"type":"A"}},{deep},{{"type":"B","calls":[{{"type":"C"}}]}}]}}}},{{"error":"x"}}]"#
        );
        let traces = traces(&raw).unwrap();
        let top = traces[0].result.as_ref().unwrap();
        let kinds: Vec<_> = top.calls.iter().map(|call| call.kind.as_str()).collect();
        assert_eq!(kinds, ["A", "STATICCALL", "B"]);
        assert_eq!(top.calls[2].calls[0].kind, "C");
        assert_eq!(traces[1].error.as_deref(), Some("x"));
    }

    #[test]
    fn a_wrong_shape_is_an_error_and_not_an_empty_trace() {
        assert!(traces("null").is_err());
        assert!(traces(r#"[{"result":[1]}]"#).is_err());
        assert!(frame(r#"{"type":7}"#).is_err());
        assert!(frame(r#"{"calls":[{"type":7}]}"#).is_err());
    }
}
