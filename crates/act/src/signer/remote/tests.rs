use std::path::Path;

use super::*;
use crate::signer::KeySource;

fn aws() -> AwsKmsKey {
    AwsKmsKey {
        key_id: "alias/portcullis".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint: None,
        record: None,
    }
}

fn gcp() -> GcpKmsKey {
    GcpKmsKey {
        project: "acme-prod".to_owned(),
        location: "europe-west3".to_owned(),
        keyring: "incident".to_owned(),
        key: "responder".to_owned(),
        version: 1,
        record: None,
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let endpoint = |text: &str| AwsKmsKey { endpoint: Some(text.parse().unwrap()), ..aws() };
    for good in [
        "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com",
        "http://127.0.0.1:5000",
        "http://localhost:5000",
    ] {
        assert_eq!(endpoint(good).problem(), None, "{good}");
    }
    for bad in [
        "http://kms.example",
        "http://10.0.0.7:5000",
        "ftp://127.0.0.1",
        "http://localhost.example",
    ] {
        assert!(endpoint(bad).problem().unwrap().contains("https"), "{bad}");
    }
    assert!(AwsKmsKey { region: " ".to_owned(), ..aws() }.problem().unwrap().contains("region"));
    assert_eq!((aws().problem(), gcp().problem()), (None, None));
    for bad in ["", "a/b", "projects/acme", "a?b", "a b"] {
        let key = GcpKmsKey { keyring: bad.to_owned(), ..gcp() };
        assert!(key.problem().unwrap().contains("`keyring`"), "{bad}");
    }
    assert!(GcpKmsKey { version: 0, ..gcp() }.problem().unwrap().contains("version"));
    let ledger = LedgerKey { index: u32::MAX };
    assert!(Remote::Ledger(&ledger).problem().unwrap().contains("index"));
}

#[test]
fn the_record_of_signatures_stands_beside_the_configuration() {
    let folder = Path::new("/etc/portcullis");
    let mut source = KeySource::AwsKms(aws());
    record_beside(folder, &mut source);
    let KeySource::AwsKms(key) = &source else { unreachable!() };
    let record = key.record.as_ref().unwrap();
    assert_eq!(record, Path::new("/etc/portcullis/aws-kms-eu-central-1-alias-portcullis"));
    let mut named = KeySource::GcpKms(GcpKmsKey { record: Some("/var/lib/r".into()), ..gcp() });
    record_beside(folder, &mut named);
    let KeySource::GcpKms(key) = &named else { unreachable!() };
    assert_eq!(key.record.as_deref(), Some(Path::new("/var/lib/r")));
}

#[tokio::test]
async fn a_program_without_the_feature_names_it() {
    let account = alloy_primitives::Address::ZERO;
    let kinds = [
        (KeySource::AwsKms(aws()), "kms-aws", cfg!(feature = "kms-aws")),
        (KeySource::GcpKms(gcp()), "kms-gcp", cfg!(feature = "kms-gcp")),
        (KeySource::Ledger(LedgerKey { index: 0 }), "ledger", cfg!(feature = "ledger")),
    ];
    for (source, feature, is_built) in kinds {
        assert_eq!(source.missing_feature().is_none(), is_built, "{feature}");
        if !is_built {
            let why = source.load(account).await.unwrap_err().to_string();
            assert!(why.contains(&format!("--features {feature}")), "{why}");
        }
        // A relay's identity is on this machine, whatever the program was built with.
        assert!(source.load_here().unwrap_err().to_string().contains("keystore"), "{feature}");
    }
}
