//! What a call was answered.

use serde::de::DeserializeOwned;

use super::failure::fail;
use crate::{
    call::payload::Data,
    error::{CallError, Result},
};

/// The answer of a call.
///
/// ```
/// # use updraft::{App, Code, Module, testing::TestApp};
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = async |updraft::Json(numbers): updraft::Json<Vec<u32>>| updraft::Json(numbers.iter().sum::<u32>());
/// let app = TestApp::start(App::new().module(Module::new("api.math").on("sum", sum))).await;
///
/// assert_eq!(app.call("api.math.sum").data([1, 2, 3]).await.data::<u32>(), 6);
/// assert_eq!(app.call("api.math.sum").data("one").await.error().code(), Code::InvalidData);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    event: String,
    result: Result<Data>,
}

impl Answer {
    pub(super) fn new(event: String, result: Result<Data>) -> Self {
        Self { event, result }
    }

    /// What the function returned, as a type; `()` where it returned nothing.
    ///
    /// # Panics
    /// Where the call failed, or returned something else.
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        match self.raw().json() {
            Ok(data) => data,
            Err(error) => fail(format_args!(
                "{} answered {}, which is no {}: {}",
                self.event,
                self.raw().to_parts().0,
                std::any::type_name::<T>(),
                error.message()
            )),
        }
    }

    /// What the function returned, as it is: for a Buffer, which [`Data::bytes`] gives.
    ///
    /// # Panics
    /// Where the call failed.
    #[track_caller]
    pub fn raw(&self) -> &Data {
        match &self.result {
            Ok(data) => data,
            Err(error) => fail(format_args!("{} failed: {error}{}", self.event, details(error))),
        }
    }

    /// Why the call failed.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn error(&self) -> &CallError {
        match &self.result {
            Err(error) => error,
            Ok(data) => fail(format_args!(
                "{} should have failed, and answered {}",
                self.event,
                data.to_parts().0
            )),
        }
    }

    /// Whether the call failed, without a panic.
    ///
    /// # Errors
    /// Why it did.
    pub fn result(&self) -> Result<&Data, &CallError> {
        self.result.as_ref()
    }
}

fn details(error: &CallError) -> String {
    error
        .details()
        .map(|details| format!(" {details}"))
        .unwrap_or_default()
}
