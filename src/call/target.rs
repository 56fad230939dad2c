//! Which sockets of a namespace something is emitted to.

/// Sockets of a namespace: all of them, or those in any of some rooms, and in none of others. Each is meant once, in however
/// many of the rooms it is. The public id of a socket names a room that it alone is in.
///
/// ```
/// use updraft::testing::Target;
///
/// let target = Target::to("lobby").and("garden").except("muted");
/// assert!(target.includes(false, |room| room == "garden"));
/// assert!(!target.includes(false, |room| ["garden", "muted"].contains(&room)));
/// assert!(!target.includes(true, |room| room == "garden"), "the caller's own socket is left out");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    audience: Audience,
    rooms: Vec<String>,
    except: Vec<String>,
    is_volatile: bool,
    is_local: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Caller,
    Others,
    All,
}

impl Target {
    /// The caller's own socket.
    pub const fn caller() -> Self {
        Self::of(Audience::Caller)
    }

    /// Every socket of the namespace but the caller's.
    pub const fn others() -> Self {
        Self::of(Audience::Others)
    }

    /// Every socket of the namespace.
    pub const fn all() -> Self {
        Self::of(Audience::All)
    }

    /// Every socket in a room, the caller's too where it is in it.
    pub fn within(room: impl Into<String>) -> Self {
        Self::all().and(room)
    }

    /// Every socket in a room but the caller's.
    pub fn to(room: impl Into<String>) -> Self {
        Self::others().and(room)
    }

    const fn of(audience: Audience) -> Self {
        Self {
            audience,
            rooms: Vec::new(),
            except: Vec::new(),
            is_volatile: false,
            is_local: false,
        }
    }

    /// The sockets in this room, too.
    #[must_use]
    pub fn and(mut self, room: impl Into<String>) -> Self {
        if self.audience == Audience::Caller {
            self.audience = Audience::Others;
        }
        self.rooms.push(room.into());
        self
    }

    /// The same with the caller's own socket, where it is in one of the rooms.
    #[must_use]
    pub fn with_caller(mut self) -> Self {
        self.audience = Audience::All;
        self
    }

    /// None that is in this room.
    #[must_use]
    pub fn except(mut self, room: impl Into<String>) -> Self {
        self.except.push(room.into());
        self
    }

    /// None whose client is behind.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.is_volatile = true;
        self
    }

    /// None that is connected to another node.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.is_local = true;
        self
    }

    /// Of these rooms this one alone, where it is one of them.
    #[cfg(feature = "redis")]
    pub(crate) fn narrowed_to(mut self, room: &str) -> Self {
        if self.rooms.iter().any(|named| named == room) {
            self.rooms.retain(|named| named == room);
        }
        self
    }

    /// The same as seen by the server, for which the caller is a socket of this id.
    pub(crate) fn seen_from_outside(self, caller: &str) -> Self {
        match self.audience {
            Audience::Caller => Self {
                is_volatile: self.is_volatile,
                is_local: self.is_local,
                ..Self::within(caller)
            },
            Audience::Others => self.with_caller().except(caller),
            Audience::All => self,
        }
    }

    /// Whether it is the caller's own socket, and no other can be meant.
    pub fn is_caller(&self) -> bool {
        self.audience == Audience::Caller
    }

    /// Whether a client that is behind misses what is emitted.
    pub fn is_volatile(&self) -> bool {
        self.is_volatile
    }

    /// Whether sockets of other nodes are left out.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Whether a socket is meant: the caller's own or another, in the rooms for which `is_in` says so, that of its own id among
    /// them.
    pub fn includes(&self, is_caller: bool, is_in: impl Fn(&str) -> bool) -> bool {
        match self.audience {
            Audience::Caller => return is_caller,
            Audience::Others if is_caller => return false,
            Audience::Others | Audience::All => {}
        }
        let is_inside = self.rooms.is_empty() || self.rooms.iter().any(|room| is_in(room));
        is_inside && !self.except.iter().any(|room| is_in(room))
    }

    /// The rooms that a socket is in one of; none means the whole namespace.
    pub(crate) fn rooms(&self) -> &[String] {
        &self.rooms
    }

    /// The rooms that it is in none of.
    pub(crate) fn excepted(&self) -> &[String] {
        &self.except
    }
}
