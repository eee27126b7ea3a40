//! The asking side: a signer that runs in a process of its own.

use std::{fmt, io, process::Stdio, time::Duration};

use alloy_primitives::{Address, Bytes};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};

use super::{
    Attestation, Attesting, Sentinel, SignError, SignRequest, SignedTransaction, SignerAnswer,
    SignerRequest, Signing, TransactionSigner,
    service::{Line, read_line},
};
use crate::safe::{OwnerSignature, Subject};

/// How long the signer may take to start: a keystore takes seconds to decrypt, more on a small machine.
pub const START_TIME_LIMIT: Duration = Duration::from_mins(1);
/// How long a signer with its key on this machine may take for one signature. It computes for under a millisecond.
pub const SIGN_TIME_LIMIT: Duration = Duration::from_secs(2);

/// A line to a signer process. The process is started again where it ended, and ends with this value.
pub struct SignerProcess {
    address: Address,
    /// For one signature.
    time_limit: Duration,
    line: Mutex<ProcessLine>,
}

struct ProcessLine {
    command: Command,
    running: Option<Running>,
}

struct Running {
    /// Kept because dropping it ends the process.
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl SignerProcess {
    /// Starts the signer with `command`, which should be this program with `signer` and the paths of its key and
    /// policy files, and asks it for its account.
    ///
    /// The child's standard error is the one that `command` sets; its input and output become ours. Where the key comes
    /// from an environment variable, the child needs it and this process does not: best is a key file that only the
    /// signer's own account may read.
    pub async fn spawn(mut command: Command) -> Result<Self, SignError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut line = ProcessLine { command, running: None };
        let address = line.start().await?;
        Ok(Self { address, time_limit: SIGN_TIME_LIMIT, line: Mutex::new(line) })
    }

    /// The same with another limit on the time of a signature, see [`super::KeySource::sign_time_limit`].
    #[must_use]
    pub fn patient(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    async fn sign_on_line(&self, request: SignRequest) -> Result<SignedTransaction, SignError> {
        match self.ask(&SignerRequest::Sign(request.clone())).await? {
            SignerAnswer::Signed(signed) => {
                let checked = signed.check(&request, self.address);
                checked.map_err(|wrong| unavailable(wrong.to_string()))?;
                Ok(signed)
            }
            SignerAnswer::Refused(why) => Err(SignError::Refused { why }),
            SignerAnswer::Failed(why) => Err(unavailable(why)),
            _ => Err(unavailable("it answered another question".to_owned())),
        }
    }

    async fn attest_on_line(&self, asked: Attestation) -> Result<Bytes, SignError> {
        match self.ask(&SignerRequest::Attest(asked.clone())).await? {
            SignerAnswer::Attested(signature) if asked.is_signed(&signature, self.address) => {
                Ok(signature)
            }
            SignerAnswer::Attested(_) => {
                Err(unavailable("its signature is not of what was asked".to_owned()))
            }
            SignerAnswer::Refused(why) => Err(SignError::Refused { why }),
            SignerAnswer::Failed(why) => Err(unavailable(why)),
            _ => Err(unavailable("it answered another question".to_owned())),
        }
    }

    /// One question to the process, started again where it ended.
    async fn ask(&self, question: &SignerRequest) -> Result<SignerAnswer, SignError> {
        let mut line = self.line.lock().await;
        if line.running.is_none() {
            let address = line.start().await?;
            if address != self.address {
                line.running = None;
                return Err(unavailable(format!(
                    "it came back as {address}, not as {}",
                    self.address
                )));
            }
        }
        line.exchange(question, self.time_limit).await
    }

    /// An owner's signature for the transaction of a Safe, checked against the hash computed here.
    pub async fn sign_safe(&self, subject: &Subject) -> Result<OwnerSignature, SignError> {
        let question = SignerRequest::SignSafe(Box::new(subject.clone()));
        match self.ask(&question).await? {
            SignerAnswer::SafeSigned(bytes) => {
                let signed = OwnerSignature::read(&bytes, &subject.hashes(), Some(self.address));
                signed.map_err(|wrong| unavailable(format!("its signature {wrong}")))
            }
            SignerAnswer::Refused(why) => Err(SignError::Refused { why }),
            SignerAnswer::Failed(why) => Err(unavailable(why)),
            _ => Err(unavailable("it answered another question".to_owned())),
        }
    }
}

impl TransactionSigner for SignerProcess {
    fn address(&self) -> Address {
        self.address
    }

    fn sign(&self, request: SignRequest) -> Signing<'_> {
        Box::pin(self.sign_on_line(request))
    }
}

impl Sentinel for SignerProcess {
    fn attest(&self, asked: Attestation) -> Attesting<'_> {
        Box::pin(self.attest_on_line(asked))
    }
}

/// Shows the account only: the command may have an environment.
impl fmt::Debug for SignerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerProcess({})", self.address)
    }
}

impl ProcessLine {
    /// Starts the process and asks for its account.
    async fn start(&mut self) -> Result<Address, SignError> {
        let mut child = self
            .command
            .spawn()
            .map_err(|error| unavailable(format!("it cannot be started: {error}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unavailable("it has no standard input and output".to_owned()));
        };
        self.running = Some(Running { _child: child, input, output: BufReader::new(output) });
        match self.exchange(&SignerRequest::Address, START_TIME_LIMIT).await? {
            SignerAnswer::Address(address) => Ok(address),
            _ => Err(unavailable("it did not say its account".to_owned())),
        }
    }

    /// One question, one answer. After any failure the process is ended: a late answer would be taken for that to the
    /// next question.
    async fn exchange(
        &mut self,
        question: &SignerRequest,
        time_limit: Duration,
    ) -> Result<SignerAnswer, SignError> {
        let Some(mut running) = self.running.take() else {
            return Err(unavailable("it is not running".to_owned()));
        };
        match timeout(time_limit, running.exchange(question)).await {
            Ok(Ok(answer)) => {
                self.running = Some(running);
                Ok(answer)
            }
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable(format!("no answer within {} ms", time_limit.as_millis()))),
        }
    }
}

impl Running {
    async fn exchange(&mut self, question: &SignerRequest) -> io::Result<SignerAnswer> {
        let mut text = serde_json::to_vec(question)?;
        text.push(b'\n');
        self.input.write_all(&text).await?;
        self.input.flush().await?;
        match read_line(&mut self.output).await? {
            Line::Whole(line) => serde_json::from_slice(&line)
                .map_err(|_| io::Error::other("it answered with something that is no answer")),
            Line::TooLong => Err(io::Error::other("its answer is too long")),
            Line::End => Err(io::Error::other("it ended")),
        }
    }
}

fn unavailable(why: String) -> SignError {
    SignError::Unavailable { why }
}
