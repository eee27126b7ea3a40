//! Handing over what people say to the one task that decides.

use portcullis_types::ids::Seq;

use super::{App, error::ApiError};
pub(crate) use crate::runner::Order;
use crate::runner::{Refused, Who, desk::Code};

/// Says it in somebody's name; gives the journal entry back.
///
/// # Errors
/// This process only reads, or the desk has refused: with what is allowed now.
pub(crate) async fn say(app: &App, who: &str, order: Order) -> Result<Seq, ApiError> {
    let Some(desk) = &app.settings.desk else { return Err(ApiError::read_only()) };
    desk.say(Who { name: who.to_owned() }, order).await.map_err(refused)
}

fn refused(refused: Refused) -> ApiError {
    let Refused { code, why, remedy, allowed } = refused;
    let allowed = allowed.into_iter().map(|verb| verb.name().to_owned()).collect();
    match code {
        Code::Conflict => ApiError::conflict(why, remedy).allowing(allowed),
        Code::NotFound => ApiError::not_found(why, remedy),
        Code::Invalid => ApiError::invalid(why, remedy),
        Code::Busy => ApiError::busy(why),
    }
}
