//! What moved, and what everyone gained or lost by it.
//!
//! WETH9 and its copies log `Deposit` and `Withdrawal` instead of a `Transfer` from or to the zero address. Other
//! contracts use the same event for something else, so it counts only if the emitter received, or paid, exactly that
//! much native value in the same transaction, and did not log the `Transfer` as well.

use alloy_primitives::{
    Address, B256, I256, U256, U512, b256,
    map::{HashMap, HashSet},
};
use portcullis_types::{
    evidence::{CallKind, Flow, Frame, Log, Transfer},
    money::Asset,
};

use super::frames::{Flat, Step};

const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
const DEPOSIT: B256 = b256!("e1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c");
const WITHDRAWAL: B256 = b256!("7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65");

const SELECTOR_TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
const SELECTOR_TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
const SELECTOR_DEPOSIT: [u8; 4] = [0xd0, 0xe3, 0x0d, 0xb0];
const SELECTOR_WITHDRAW: [u8; 4] = [0x2e, 0x1a, 0x7d, 0x4d];

/// Transfers of a tree whose logs are placed among its calls.
pub(crate) fn in_order(flat: &Flat) -> Vec<Transfer> {
    let wrapping = Wrapping::new(flat);
    let mut transfers = Vec::new();
    for step in &flat.steps {
        match step {
            Step::Enter(index) => {
                transfers.extend(flat.frames.get(*index as usize).and_then(native));
            }
            Step::Log(index) => {
                transfers
                    .extend(flat.logs.get(*index as usize).and_then(|log| wrapping.token(log)));
            }
        }
    }
    transfers
}

/// Transfers where the place of the logs among the calls is unknown.
pub(crate) fn native_then_logs(flat: &Flat) -> Vec<Transfer> {
    let wrapping = Wrapping::new(flat);
    let mut transfers: Vec<Transfer> =
        flat.effective().filter_map(|(_, frame)| native(frame)).collect();
    transfers.extend(flat.logs.iter().filter_map(|log| wrapping.token(log)));
    transfers
}

/// Whether `log` has the form of one that a transfer may be read from; its holders are then among its topics.
pub(crate) fn may_tell_of_a_transfer(topics: &[B256]) -> bool {
    matches!(topics.first(), Some(&(TRANSFER | DEPOSIT | WITHDRAWAL)))
}

/// Transfers as the calls ask for them, where logs are unknown. What a token does beyond that (fees, burns, mints) is
/// not seen, and `transferFrom` of an ERC-721 token looks like that of an amount.
pub(crate) fn inferred(flat: &Flat) -> Vec<Transfer> {
    let paid = NativePaid::by_and_to(flat);
    let mut transfers = Vec::new();
    for (index, frame) in flat.effective() {
        transfers.extend(native(frame));
        let refused = flat.refused.get(index as usize).copied().unwrap_or(false);
        if frame.kind == CallKind::Call && !refused {
            transfers.extend(asked_for(frame, &paid));
        }
    }
    transfers
}

fn asked_for(frame: &Frame, paid: &NativePaid) -> Option<Transfer> {
    let token = frame.context;
    let transfer = |from, to, amount| fungible(token, from, to, amount);
    match frame.selector()? {
        SELECTOR_TRANSFER => transfer(frame.from, address_word(frame, 0)?, word(frame, 1)?),
        SELECTOR_TRANSFER_FROM => {
            transfer(address_word(frame, 0)?, address_word(frame, 1)?, word(frame, 2)?)
        }
        // Wrapping the native coin, in the form of WETH9.
        SELECTOR_DEPOSIT if frame.input.len() == 4 => {
            transfer(Address::ZERO, frame.from, frame.value)
        }
        SELECTOR_WITHDRAW => {
            let amount = word(frame, 0)?;
            let was_paid = paid.by.contains(&(token, amount));
            if was_paid { transfer(frame.from, Address::ZERO, amount) } else { None }
        }
        _ => None,
    }
}

fn word(frame: &Frame, index: usize) -> Option<U256> {
    let start = index.checked_mul(32)?.checked_add(4)?;
    frame.input.get(start..start.checked_add(32)?).map(U256::from_be_slice)
}

fn address_word(frame: &Frame, index: usize) -> Option<Address> {
    word(frame, index).map(|word| Address::from_word(B256::from(word)))
}

/// The native value that entering `frame` moves. Delegate calls move none; CALLCODE would move it to the caller itself.
fn native(frame: &Frame) -> Option<Transfer> {
    let moves = matches!(
        frame.kind,
        CallKind::Call | CallKind::Create | CallKind::Create2 | CallKind::SelfDestruct
    );
    (moves && frame.effective && !frame.value.is_zero()).then_some(Transfer {
        asset: Asset::Native,
        from: frame.from,
        to: frame.to,
        amount: frame.value,
        token_id: None,
    })
}

/// Native amounts by who received and who paid them.
#[derive(Default)]
struct NativePaid {
    to: HashSet<(Address, U256)>,
    by: HashSet<(Address, U256)>,
}

impl NativePaid {
    fn by_and_to(flat: &Flat) -> Self {
        let mut paid = Self::default();
        for transfer in flat.effective().filter_map(|(_, frame)| native(frame)) {
            paid.to.insert((transfer.to, transfer.amount));
            paid.by.insert((transfer.from, transfer.amount));
        }
        paid
    }
}

/// What tells a wrapping of the native coin from an event that only looks like it. Empty where there is none to tell.
#[derive(Default)]
struct Wrapping {
    paid: NativePaid,
    /// Token, holders before and after, amount of what was minted or burnt.
    transfers: HashSet<(Address, Address, Address, U256)>,
}

impl Wrapping {
    fn new(flat: &Flat) -> Self {
        let mut topics = flat.logs.iter().filter_map(|log| log.topics.first());
        if !topics.any(|topic| matches!(*topic, DEPOSIT | WITHDRAWAL)) {
            return Self::default();
        }
        let minted_or_burnt = flat
            .logs
            .iter()
            .filter_map(transfer_log)
            .filter(|transfer| transfer.from.is_zero() || transfer.to.is_zero());
        let transfers = minted_or_burnt.filter_map(|transfer| match transfer.asset {
            Asset::Token(token) => Some((token, transfer.from, transfer.to, transfer.amount)),
            Asset::Native => None,
        });
        Self { transfers: transfers.collect(), paid: NativePaid::by_and_to(flat) }
    }

    /// The transfer that `log` tells of, if any.
    fn token(&self, log: &Log) -> Option<Transfer> {
        match (log.topics.as_slice(), log.data.len()) {
            ([DEPOSIT, holder], 32) => {
                let amount = U256::from_be_slice(&log.data);
                let to = Address::from_word(*holder);
                let told_twice = (log.address, Address::ZERO, to, amount);
                let wraps = self.paid.to.contains(&(log.address, amount))
                    && !self.transfers.contains(&told_twice);
                if wraps { fungible(log.address, Address::ZERO, to, amount) } else { None }
            }
            ([WITHDRAWAL, holder], 32) => {
                let amount = U256::from_be_slice(&log.data);
                let from = Address::from_word(*holder);
                let told_twice = (log.address, from, Address::ZERO, amount);
                let unwraps = self.paid.by.contains(&(log.address, amount))
                    && !self.transfers.contains(&told_twice);
                if unwraps { fungible(log.address, from, Address::ZERO, amount) } else { None }
            }
            _ => transfer_log(log),
        }
    }
}

/// An ERC-20 or ERC-721 `Transfer`. Tokens of before the standards, which index nothing, are not read: the same shape
/// means an amount in one and an id in the other.
fn transfer_log(log: &Log) -> Option<Transfer> {
    match (log.topics.as_slice(), log.data.len()) {
        ([TRANSFER, from, to], 32) => {
            let amount = U256::from_be_slice(&log.data);
            fungible(log.address, Address::from_word(*from), Address::from_word(*to), amount)
        }
        ([TRANSFER, from, to, id], 0) => Some(Transfer {
            asset: Asset::Token(log.address),
            from: Address::from_word(*from),
            to: Address::from_word(*to),
            amount: U256::from(1),
            token_id: Some((*id).into()),
        }),
        _ => None,
    }
}

/// A transfer of something; none of nothing, which anyone may log in anyone's name.
fn fungible(token: Address, from: Address, to: Address, amount: U256) -> Option<Transfer> {
    (!amount.is_zero()).then_some(Transfer {
        asset: Asset::Token(token),
        from,
        to,
        amount,
        token_id: None,
    })
}

/// Nets transfers per holder and asset: sorted, without zero sums and without the zero address, which is where minted
/// tokens come from and burnt ones go.
pub fn net(transfers: &[Transfer]) -> Vec<Flow> {
    // Sums are 512 bits wide: a hostile token may log amounts whose sum does not fit in 256.
    let mut sums: HashMap<(Address, Asset), (U512, U512)> = HashMap::default();
    for transfer in transfers {
        let amount = U512::from(transfer.amount);
        if !transfer.from.is_zero() {
            let lost = &mut sums.entry((transfer.from, transfer.asset)).or_default().1;
            *lost = lost.saturating_add(amount);
        }
        if !transfer.to.is_zero() {
            let gained = &mut sums.entry((transfer.to, transfer.asset)).or_default().0;
            *gained = gained.saturating_add(amount);
        }
    }
    let flows = sums.into_iter().map(|((holder, asset), (gained, lost))| Flow {
        holder,
        asset,
        delta: difference(gained, lost),
    });
    let mut flows: Vec<Flow> = flows.filter(|flow| !flow.delta.is_zero()).collect();
    flows.sort_unstable_by_key(|flow| (flow.holder, flow.asset));
    flows
}

/// `gained - lost`, at the nearest end of the range where it does not fit.
fn difference(gained: U512, lost: U512) -> I256 {
    let size = gained.abs_diff(lost);
    let fits = U256::checked_from_limbs_slice(size.as_limbs());
    let positive = fits.and_then(|size| I256::try_from(size).ok());
    match (positive, gained < lost) {
        (Some(size), false) => size,
        (Some(size), true) => -size,
        (None, false) => I256::MAX,
        (None, true) => I256::MIN,
    }
}
