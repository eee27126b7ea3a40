//! References of the detector `novelty` that stand in files of their own: they are read into the configuration, so that
//! the journal holds what was used.

use std::path::Path;

use portcullis_detect::{
    DetectorConfig,
    novelty::{Learned, LearnedSource},
};
use portcullis_types::text::printable;

use super::compile::Problem;

/// Largest file that is read, bytes: room for the limits of a reference.
const LEARNED_BYTES_MAX: u64 = 32 << 20;

/// Puts the content of the files that `detectors` name in place of their paths, which are relative to `folder`.
pub(super) fn read_learned(folder: &Path, detectors: &mut [DetectorConfig]) -> Result<(), Problem> {
    for detector in detectors {
        let DetectorConfig::Novelty(config) = detector else { continue };
        if let LearnedSource::File(path) = &config.learned {
            let learned = read(&folder.join(path))
                .map_err(|problem| (format!("learned: {problem}"), Some(path.clone())))?;
            config.learned = LearnedSource::Inline(Box::new(learned));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Learned, String> {
    let place = path.display();
    let remedy = "make it with `portcullis learn`, or correct the path";
    let size = std::fs::metadata(path)
        .map_err(|error| format!("{place} cannot be read: {error}; {remedy}"))?
        .len();
    if size > LEARNED_BYTES_MAX {
        return Err(format!("{place} has {size} bytes, more than {LEARNED_BYTES_MAX}; {remedy}"));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{place} cannot be read as UTF-8 text: {error}; {remedy}"))?;
    serde_json::from_str(&text).map_err(|error| {
        let error = printable(&error.to_string());
        format!("{place} is no learned reference: {error}; make it anew with `portcullis learn`")
    })
}
