//! The signer's own side of the line: one request, the policy, one answer.

use std::{
    collections::VecDeque,
    fmt, io,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, Bytes, Signature};
use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite,
        AsyncWriteExt as _, BufReader,
    },
    sync::Mutex,
};

use super::{
    Attestation, Attesting, Key, KeyError, KeySource, LINE_BYTES_MAX, Policy, Sentinel, SignError,
    SignRequest, SignedTransaction, SignerAnswer, SignerRequest, Signing, TransactionSigner,
    key::Asked,
    tally::{Signed, Tally},
};
use crate::safe::Subject;

/// A key behind its policy.
#[derive(Debug)]
pub struct SignerService {
    key: Key,
    policy: Policy,
    /// What it signed within the last hour.
    tally: Tally,
    /// The last signatures: services choose another nonce each time, and the same request shall give the same bytes.
    made: VecDeque<(B256, Signature)>,
}

/// Most signatures that are remembered. A pull and its replacements are a handful.
const MADE_MAX: usize = 64;

impl SignerService {
    /// A service that signs with `key` what `policy` allows. Its limits end with it.
    pub fn new(key: Key, policy: Policy) -> Self {
        Self { key, policy, tally: Tally::default(), made: VecDeque::new() }
    }

    /// The same with the key of `source`, which must be that of `account`; what was signed within the last hour is kept
    /// in a file and counts.
    ///
    /// # Errors
    /// No key, that of another account, or a record of signatures that cannot be used.
    pub async fn open(
        source: &KeySource,
        account: Address,
        policy: Policy,
    ) -> Result<Self, KeyError> {
        // First the record: a key is not decrypted for nothing.
        let tally = source.tally(wall_clock_seconds())?;
        Ok(Self { tally, ..Self::new(source.load(account).await?, policy) })
    }

    /// The account it signs for.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// Answers one request. `now` is the wall clock, Unix seconds.
    pub async fn answer(&mut self, request: &SignerRequest, now: u64) -> SignerAnswer {
        let answer = match request {
            SignerRequest::Address => Ok(SignerAnswer::Address(self.key.address())),
            SignerRequest::Sign(request) => self.sign(request, now).await.map(SignerAnswer::Signed),
            SignerRequest::SignSafe(subject) => {
                self.sign_safe(subject, now).await.map(SignerAnswer::SafeSigned)
            }
            SignerRequest::Attest(asked) => {
                self.attest(asked, now).await.map(SignerAnswer::Attested)
            }
        };
        answer.unwrap_or_else(|error| match error {
            SignError::Refused { why } => SignerAnswer::Refused(why),
            SignError::Unavailable { why } => SignerAnswer::Failed(why),
        })
    }

    /// Signs an order or a heartbeat.
    async fn attest(&mut self, asked: &Attestation, now: u64) -> Result<Bytes, SignError> {
        let warden = match asked {
            Attestation::Order(order) => order.warden,
            Attestation::Heartbeat(beat) => beat.warden,
        };
        let counted = Signed::Order(warden);
        let recent = self.tally.count(now, counted);
        refuse_if(self.policy.attestation_refusal(asked, now, recent))?;
        let counted = matches!(asked, Attestation::Order(_)).then_some(counted);
        let signature = self.make(&Asked::Attestation(asked), now, counted).await?;
        Ok(Bytes::copy_from_slice(&signature.as_bytes()))
    }

    async fn sign(
        &mut self,
        request: &SignRequest,
        now: u64,
    ) -> Result<SignedTransaction, SignError> {
        let recent = self.tally.count(now, Signed::Any);
        refuse_if(self.policy.refusal(request, recent))?;
        let transaction = request.transaction();
        let signature =
            self.make(&Asked::Transaction(&transaction), now, Some(Signed::Any)).await?;
        Ok(SignedTransaction::assemble(transaction, signature))
    }

    /// Signs as an owner. The hash is computed here, from the fields.
    async fn sign_safe(&mut self, subject: &Subject, now: u64) -> Result<Bytes, SignError> {
        let recent = self.tally.count(now, Signed::Any);
        refuse_if(self.policy.safe_refusal(subject, recent))?;
        let signature = self.make(&Asked::Safe(subject), now, Some(Signed::Any)).await?;
        Ok(signature.as_bytes().into())
    }

    /// The signature, or the one that was made of the same before. It is counted first, and not where there was none
    /// after all: a key service that fails for a minute must not use the hour up.
    async fn make(
        &mut self,
        asked: &Asked<'_>,
        now: u64,
        counted: Option<Signed>,
    ) -> Result<Signature, SignError> {
        if let Some(counted) = counted {
            self.tally.note(now, counted).map_err(|why| SignError::Refused { why })?;
        }
        let digest = asked.digest(self.key.address());
        if let Some((_, signature)) = self.made.iter().find(|(of, _)| *of == digest) {
            return Ok(*signature);
        }
        let signature = match self.key.sign(asked).await {
            Ok(signature) => signature,
            Err(why) => {
                if counted.is_some() {
                    self.tally.take_back(now);
                }
                return Err(SignError::Unavailable { why });
            }
        };
        if self.made.len() == MADE_MAX {
            self.made.pop_front();
        }
        self.made.push_back((digest, signature));
        Ok(signature)
    }
}

fn refuse_if(refusal: Option<String>) -> Result<(), SignError> {
    refusal.map_or(Ok(()), |why| Err(SignError::Refused { why }))
}

/// Unix seconds; 0 where the clock is before 1970, which allows nothing that lives.
fn wall_clock_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Why the signer process ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The line broke.
    #[error("the line to the asking process broke: {0}; start that process again")]
    Line(#[from] io::Error),
    /// A request was too long to be one.
    #[error("a request was longer than {LINE_BYTES_MAX} bytes: look at what is asking")]
    TooLong,
}

/// Runs the signer until its input ends. `input` and `output` are the standard ones of the signer's process; nothing
/// else may be written to `output`, so logs belong on the standard error.
pub async fn serve<R, W>(
    input: R,
    mut output: W,
    source: KeySource,
    account: Address,
    policy: Policy,
) -> Result<(), ServeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut service = SignerService::open(&source, account, policy).await?;
    let mut input = BufReader::new(input);
    loop {
        let line = match read_line(&mut input).await? {
            Line::End => return Ok(()),
            Line::Whole(line) => line,
            Line::TooLong => {
                let why = format!("a request has at most {LINE_BYTES_MAX} bytes");
                write_answer(&mut output, &SignerAnswer::Refused(why)).await?;
                // What follows is the rest of that request, not a new one.
                return Err(ServeError::TooLong);
            }
        };
        let answer = match serde_json::from_slice(&line) {
            Ok(request) => service.answer(&request, wall_clock_seconds()).await,
            Err(error) => SignerAnswer::Refused(format!("not a request: {error}")),
        };
        match &answer {
            SignerAnswer::Refused(why) => tracing::warn!(%why, "refused to sign"),
            SignerAnswer::Failed(why) => tracing::error!(%why, "could not sign"),
            _ => {}
        }
        write_answer(&mut output, &answer).await?;
    }
}

/// What came from the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

/// Reads one line of at most [`LINE_BYTES_MAX`] bytes. A last line without its end counts as the end: it was cut off.
pub(super) async fn read_line<R: AsyncBufRead + Unpin>(input: &mut R) -> io::Result<Line> {
    let mut line = Vec::new();
    let limit = LINE_BYTES_MAX as u64 + 1;
    input.take(limit).read_until(b'\n', &mut line).await?;
    Ok(if line.pop_if(|last| *last == b'\n').is_some() {
        Line::Whole(line)
    } else if line.len() > LINE_BYTES_MAX {
        Line::TooLong
    } else {
        Line::End
    })
}

async fn write_answer<W: AsyncWrite + Unpin>(
    output: &mut W,
    answer: &SignerAnswer,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    output.write_all(&line).await?;
    output.flush().await
}

/// The service inside the asking process: for tests and drills, where the key is worth nothing.
pub struct LocalSigner {
    address: Address,
    service: Mutex<SignerService>,
}

impl LocalSigner {
    /// A signer with the key of `source`, which must be on this machine, behind `policy`.
    pub fn new(source: &KeySource, policy: Policy) -> Result<Self, KeyError> {
        let tally = source.tally(wall_clock_seconds())?;
        let service = SignerService { tally, ..SignerService::new(source.load_here()?, policy) };
        Ok(Self { address: service.address(), service: Mutex::new(service) })
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSigner({})", self.address)
    }
}

impl TransactionSigner for LocalSigner {
    fn address(&self) -> Address {
        self.address
    }

    fn sign(&self, request: SignRequest) -> Signing<'_> {
        Box::pin(
            async move { self.service.lock().await.sign(&request, wall_clock_seconds()).await },
        )
    }
}

impl Sentinel for LocalSigner {
    fn attest(&self, asked: Attestation) -> Attesting<'_> {
        Box::pin(
            async move { self.service.lock().await.attest(&asked, wall_clock_seconds()).await },
        )
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;
    use crate::signer::{AllowedCall, key::development_key};

    fn policy() -> Policy {
        let call = AllowedCall {
            chain_id: 1,
            to: Address::repeat_byte(0xaa),
            data: Bytes::from_static(&[1, 2, 3, 4]),
        };
        Policy {
            calls: vec![call],
            cost_max_wei: 1_000_000,
            signatures_per_hour_max: 2,
            ..Policy::default()
        }
    }

    fn request(nonce: u64) -> SignerRequest {
        SignerRequest::Sign(SignRequest {
            chain_id: 1,
            nonce,
            to: Address::repeat_byte(0xaa),
            data: Bytes::from_static(&[1, 2, 3, 4]),
            gas_limit: 100_000,
            max_fee_per_gas: 10,
            max_priority_fee_per_gas: 1,
            value: U256::ZERO,
        })
    }

    #[tokio::test]
    async fn signing_is_deterministic_and_checked_to_the_field() {
        let mut service = SignerService::new(development_key(), policy());
        let now = 1_000;
        let first = service.answer(&request(7), now).await;
        assert_eq!(first, service.answer(&request(7), now).await);
        let (SignerAnswer::Signed(signed), SignerRequest::Sign(asked)) = (first, request(7)) else {
            panic!("not signed");
        };
        let account = service.address();
        assert_eq!(signed.check(&asked, account), Ok(()));
        let other_nonce = SignRequest { nonce: 8, ..asked.clone() };
        assert!(signed.check(&other_nonce, account).unwrap_err().what.contains("nonce 7"));
        assert!(signed.check(&asked, Address::ZERO).unwrap_err().what.contains("signed by"));
        let other_hash = SignedTransaction { hash: alloy_primitives::B256::ZERO, ..signed };
        assert!(other_hash.check(&asked, account).unwrap_err().what.contains("hash"));
    }

    #[tokio::test]
    async fn the_hourly_limit_slides() {
        let mut service = SignerService::new(development_key(), policy());
        let is_signed = |answer: SignerAnswer| matches!(answer, SignerAnswer::Signed(_));
        let minutes = |count: u64| 1_000 + 60 * count;
        assert!(is_signed(service.answer(&request(0), minutes(0)).await));
        assert!(is_signed(service.answer(&request(1), minutes(30)).await));
        assert!(!is_signed(service.answer(&request(2), minutes(59)).await));
        assert!(is_signed(service.answer(&request(2), minutes(60)).await));
        assert!(!is_signed(service.answer(&request(3), minutes(61)).await));
    }

    #[tokio::test]
    async fn lines_are_bounded() {
        let cases = [
            (b"abc\nd".to_vec(), Line::Whole(b"abc".to_vec())),
            (b"\n".to_vec(), Line::Whole(Vec::new())),
            (b"cut off".to_vec(), Line::End),
            (Vec::new(), Line::End),
            (vec![b'x'; LINE_BYTES_MAX + 1], Line::TooLong),
            (vec![b'x'; 10 * LINE_BYTES_MAX], Line::TooLong),
        ];
        for (bytes, expect) in cases {
            let mut input = bytes.as_slice();
            assert_eq!(read_line(&mut input).await.unwrap(), expect, "{} bytes", bytes.len());
        }
        let mut longest = vec![b'x'; LINE_BYTES_MAX];
        longest.push(b'\n');
        assert!(matches!(read_line(&mut longest.as_slice()).await.unwrap(), Line::Whole(_)));
    }
}
