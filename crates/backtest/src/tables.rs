//! Tables of losses and of others' alerts: CSV with a header, packed or not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use portcullis_types::{money::Usd, text::printable};
use serde::Serialize;

use crate::{
    error::BacktestError,
    files::{shown, walk},
    loss::{Alarm, Basis, LossCurve, Theft},
    stats::percentile,
    text::TextFile,
};

/// Most rows of a table.
const ROWS_MAX: usize = 5_000_000;
/// Columns that hold dollars, likeliest first.
const USD_COLUMNS: [&str; 4] = ["usd_approx", "usd", "loss_usd", "amount_usd"];
/// Columns that hold amounts of one asset.
const AMOUNT_COLUMNS: [&str; 3] = ["eth_out_wei", "amount_wei", "amount"];

/// What somebody else's alerts achieved: the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// File.
    pub name: String,
    /// Attacks in it.
    pub attacks: u64,
    /// Attacks by verdict, as the source writes it.
    pub verdicts: BTreeMap<String, u64>,
    /// Attacks with both times.
    pub timed: u64,
    /// Of those: alerted before the attack.
    pub before: u64,
    /// Alerted within a minute of it or before.
    pub within_minute: u64,
    /// Median of the seconds from attack to alert; negative is before.
    pub median_seconds: Option<i64>,
}

/// What tables hold.
#[derive(Debug, Default)]
pub struct Tables {
    /// Losses over time.
    pub curves: Vec<LossCurve>,
    /// Others' alerts.
    pub baselines: Vec<Baseline>,
}

impl Tables {
    /// Reads tables; of a folder those of a kind that is known.
    ///
    /// # Errors
    /// Names file, line and remedy. A file that is named itself must be of a kind that is known.
    pub fn read(paths: &[PathBuf]) -> Result<Self, BacktestError> {
        let mut tables = Self::default();
        for path in paths {
            let found = std::fs::metadata(path).map_err(|e| BacktestError::read(path, e))?;
            if !found.is_dir() {
                if !tables.add(path)? {
                    let problem = "has no column that this version knows: it needs `timestamp` or `seconds_since_first` with one \
                                   of usd_approx, usd, loss_usd, amount_usd, eth_out_wei, amount_wei, amount";
                    return Err(BacktestError::line(path, 1, problem));
                }
                continue;
            }
            let is_table = |file: &PathBuf| {
                let name = file.to_string_lossy();
                name.ends_with(".csv") || name.ends_with(".csv.gz")
            };
            for file in walk(path, &mut Vec::new())?.iter().filter(|file| is_table(file)) {
                tables.add(file)?;
            }
        }
        Ok(tables)
    }

    /// Adds a file; false if it is of no kind that is known.
    fn add(&mut self, path: &Path) -> Result<bool, BacktestError> {
        let mut file = TextFile::open(path)?;
        let header = match file.next_line()? {
            Some((_, header)) => fields(header),
            None => return Ok(false),
        };
        let column = |name: &str| header.iter().position(|field| field == name);
        let find = |names: &[&str]| names.iter().find_map(|name| column(name));
        let name = path.file_name().map(Path::new).map(shown).unwrap_or_default();
        if let (Some(delta), Some(verdict)) =
            (column("alert_minus_exploit_seconds"), column("verdict"))
        {
            self.baselines.push(baseline(name, path, file, delta, verdict)?);
            return Ok(true);
        }
        let Some(time) = find(&["timestamp", "seconds_since_first"]) else { return Ok(false) };
        let usd = find(&USD_COLUMNS);
        let Some(amount) = usd.or_else(|| find(&AMOUNT_COLUMNS)) else { return Ok(false) };
        // Such a column says by its name of which asset it is; others say it in a column beside.
        let is_of_one_asset = usd.is_some() || Some(amount) == column("eth_out_wei");
        let asset = column("token").filter(|_| !is_of_one_asset);
        let unit = if usd.is_some() {
            "usd".to_owned()
        } else {
            header.get(amount).cloned().unwrap_or_default()
        };
        let columns = Columns { time, block: column("block"), amount, asset, unit };
        self.curves.push(columns.curve(name, path, file)?);
        Ok(true)
    }
}

struct Columns {
    time: usize,
    block: Option<usize>,
    amount: usize,
    asset: Option<usize>,
    unit: String,
}

impl Columns {
    fn curve(
        self,
        name: String,
        path: &Path,
        mut file: TextFile,
    ) -> Result<LossCurve, BacktestError> {
        let (mut thefts, mut total, mut assets) = (Vec::new(), Usd::ZERO, BTreeSet::new());
        let in_dollars = self.unit == "usd";
        while let Some((line, text)) = file.next_line()? {
            if text.is_empty() {
                continue;
            }
            let row = fields(text);
            let bad = |what: &str, value: &str| {
                let problem = format!("has the {what} `{}`: correct it", printable(value));
                BacktestError::line(path, line, problem)
            };
            let cell = |column: usize| row.get(column).map_or("", String::as_str);
            let time = cell(self.time).parse().map_err(|_| bad("time", cell(self.time)))?;
            let block = match self.block.map(cell).filter(|text| !text.is_empty()) {
                Some(text) => Some(text.parse().map_err(|_| bad("block", text))?),
                None => None,
            };
            let amount = cell(self.amount);
            let weight: f64 = if amount.is_empty() {
                0.0
            } else {
                amount
                    .parse()
                    .ok()
                    .filter(|w: &f64| w.is_finite() && *w >= 0.0)
                    .ok_or_else(|| bad("amount", amount))?
            };
            if in_dollars {
                total += amount.parse().unwrap_or_default();
            }
            assets.extend(self.asset.map(|column| cell(column).to_owned()));
            thefts.push(Theft { block, time: Some(time), weight });
            if thefts.len() > ROWS_MAX {
                return Err(BacktestError::line(path, line, format!("is beyond {ROWS_MAX} rows")));
            }
        }
        let mut unit = self.unit;
        if !in_dollars && assets.len() > 1 {
            // Amounts of different assets cannot be summed; each theft counts the same.
            for theft in &mut thefts {
                theft.weight = 1.0;
            }
            "transactions".clone_into(&mut unit);
        }
        thefts.sort_by_key(|theft| (theft.time, theft.block));
        let first = thefts.first().map(|first| Alarm { block: first.block, time: first.time });
        let alarm = first.map(|first| (Basis::AssumedFirstLoss, first));
        Ok(LossCurve::new(name, unit, in_dollars.then_some(total), &thefts, alarm))
    }
}

fn baseline(
    name: String,
    path: &Path,
    mut file: TextFile,
    delta: usize,
    verdict: usize,
) -> Result<Baseline, BacktestError> {
    let (mut verdicts, mut deltas, mut attacks) = (BTreeMap::new(), Vec::new(), 0);
    while let Some((line, text)) = file.next_line()? {
        if text.is_empty() {
            continue;
        }
        let row = fields(text);
        attacks += 1;
        let said = row.get(verdict).map(|said| printable(said)).unwrap_or_default();
        *verdicts.entry(said).or_default() += 1;
        let seconds = row.get(delta).map_or("", String::as_str);
        if !seconds.is_empty() {
            let seconds = seconds.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
            let problem = "has no number in alert_minus_exploit_seconds: correct it";
            deltas.push(seconds.ok_or_else(|| BacktestError::line(path, line, problem))? as i64);
        }
    }
    let count = |within: i64| deltas.iter().filter(|delta| **delta <= within).count() as u64;
    Ok(Baseline {
        name,
        attacks,
        verdicts,
        timed: deltas.len() as u64,
        before: count(-1),
        within_minute: count(60),
        median_seconds: percentile(&deltas, 50),
    })
}

/// The fields of a line of CSV (RFC 4180); a field may be quoted, but not run over lines.
fn fields(line: &str) -> Vec<String> {
    let (mut out, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => out.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    out.push(field);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        assert_eq!(fields(r#"a,"b,c","d""e",,"#), ["a", "b,c", "d\"e", "", ""]);
    }

    #[test]
    fn a_table_is_known_by_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("a.csv", "timestamp,block,usd_approx\n100,7,10.5\n160,12,30\n7000,90,59.5\n");
        write("b.csv", "seconds_since_first,token,amount\n0,x,5\n10,y,900\n");
        write("c.csv", "name,verdict,alert_minus_exploit_seconds\nx,TP,-3\ny,FN,\nz,TP,19\n");
        write("d.csv", "chain,address\n1,0x\n");
        let tables = Tables::read(&[folder.path().to_owned()]).unwrap();
        let [dollars, mixed] = tables.curves.as_slice() else { panic!("{:?}", tables.curves) };
        assert_eq!(dollars.total_usd.map(|total| total.0), Some(Usd::dollars(100)));
        let saved = &dollars.saved_percent.0;
        assert_eq!(
            (saved["1block"], saved["1"], saved["60"]),
            (Some(89.5), Some(59.5), Some(59.5))
        );
        assert_eq!((mixed.unit.as_str(), mixed.saved_percent.0["1block"]), ("transactions", None));
        let baseline = &tables.baselines[0];
        assert_eq!((baseline.attacks, baseline.timed, baseline.before), (3, 2, 1));
        assert_eq!((baseline.within_minute, baseline.median_seconds), (2, Some(-3)));
        let bad = write("e.csv", "timestamp,usd\n1,2\nx,3\n");
        let error = Tables::read(&[bad]).unwrap_err().to_string();
        assert!(error.contains("e.csv:3: has the time `x`"), "{error}");
        let unknown = Tables::read(&[folder.path().join("d.csv")]).unwrap_err().to_string();
        assert!(unknown.contains("d.csv:1: has no column"), "{unknown}");
    }
}
