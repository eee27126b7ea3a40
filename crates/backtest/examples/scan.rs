//! Shows what a scan says of every transaction of some recordings: for work on the scan itself.

use portcullis_backtest::Footage;
use portcullis_observe::Recording;
use portcullis_scan::Scanner;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut transactions, mut suspicions, mut blind) = (0_u64, 0_u64, 0_u64);
    for path in std::env::args().skip(1) {
        let (mut footage, mut scanner) = (Footage::new(), Scanner::new());
        for line in Recording::open(path.as_ref())?.lines() {
            let (place, line) = line?;
            let evidence = match footage.evidence(line) {
                Ok(evidence) => evidence,
                Err(cause) => {
                    blind += 1;
                    println!("{place}: blind: {cause}");
                    continue;
                }
            };
            for one in &evidence {
                transactions += 1;
                if let Some(suspicion) = scanner.inspect(one) {
                    suspicions += 1;
                    println!("{place}: {}", serde_json::to_string(&suspicion)?);
                }
            }
        }
    }
    println!("{transactions} transactions, {suspicions} suspicious, {blind} lines blind");
    Ok(())
}
