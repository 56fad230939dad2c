//! What nodes share is away, and comes back: each emit that is lost meanwhile is counted, and the log has one line for it, and one when it
//! is over, however often it was tried in vain.

use std::{fs, fs::File, net::Ipv4Addr};

use serde_json::json;
use tempfile::NamedTempFile;
use tokio::task::block_in_place;
use updraft::testing::TestClient;

use crate::{
    nodes::wait_for,
    support::{Http, PATIENT, Program, Proxy, RedisServer, TestDatabase, until_async},
};

/// Connections that a node has to try in vain, of those by which it hears and of those by which it tells.
const TRIES: usize = 10;

/// Lines of outages that are none, of a node that is held up. As many as the tries would be far more.
const MOST_BESIDE: usize = 4;

/// There each takes as long as an answer may take.
const TRIES_AT_ONE_THAT_HANGS: usize = 3;

/// The program with a client in a room.
struct Node {
    program: Program,
    client: TestClient,
    log: NamedTempFile,
    /// How often the client spoke to the room. What it says is that number.
    said: u64,
    /// Lines of the log at the beginning.
    first: usize,
}

impl Node {
    async fn start(flags: &[&str]) -> Self {
        let log = NamedTempFile::new().expect("a file");
        let append = File::options()
            .append(true)
            .open(log.path())
            .expect("it is there");
        let flags = [flags, &["--metrics"], &PATIENT[..]].concat();
        let program = block_in_place(|| Program::start_on(append, &[("NO_COLOR", "1")], &flags));
        let mut client = TestClient::connect(&program.url, ()).await;
        let room = json!({"room": "red"});
        client.call("api.room.join").data(room).await.data::<()>();
        let mut node = Self {
            program,
            client,
            log,
            said: 0,
            first: 0,
        };
        node.first = node.logged().len();
        node
    }

    /// The log without times: from the level of each line on.
    fn logged(&self) -> Vec<String> {
        let text = fs::read_to_string(self.log.path()).expect("UTF-8");
        let lines = text.lines().filter_map(|line| line.split_once("Z ")?.1.into());
        let lines = lines.map(|line: &str| line.trim().to_owned());
        lines.skip(self.first).collect()
    }

    /// What is logged of rooms.
    fn logged_of_rooms(&self) -> Vec<String> {
        let mut lines = self.logged();
        lines.retain(|line| line.contains("updraft::net::rooms"));
        lines
    }

    async fn say(&mut self) {
        self.said += 1;
        let said = json!({"room": "red", "message": self.said});
        self.client.call("api.room.say").data(said).await.data::<()>();
    }

    /// How many emits to others were lost for want of what nodes share.
    fn lost(&self) -> u64 {
        let text = block_in_place(|| Http::get(&self.program.url, "/metrics", &[])).body;
        let lost = r#"updraft_bus_lost_total{cause="away"} "#;
        let lost = text.lines().find_map(|line| line.strip_prefix(lost));
        lost.expect("it is there").parse().expect("a number")
    }

    /// Speaks until nothing more is taken in for what is away: until each that is said is lost at once.
    async fn speaks_in_vain(&mut self) {
        const IN_A_ROW: usize = 3;
        let (mut last, mut lost) = (self.lost(), 0);
        until_async("what is said to be lost at once", async || {
            self.say().await;
            let before = std::mem::replace(&mut last, self.lost());
            lost = if last == before + 1 { lost + 1 } else { 0 };
            lost == IN_A_ROW
        })
        .await;
    }

    /// Speaks until the other node hears it; how often that heard this one.
    async fn speaks_until_it_is_heard(&mut self, other: &mut Self) -> u64 {
        until_async("what is said not to be lost", async || {
            let before = self.lost();
            self.say().await;
            self.lost() == before
        })
        .await;
        let mut heard = 0;
        loop {
            heard += 1;
            if other.client.event("message").await.data::<u64>() == self.said {
                return heard;
            }
        }
    }
}

#[test]
fn an_outage_of_redis_is_a_line_of_the_log_and_each_emit_is_heard_or_counted_as_lost() {
    const AWAY: &str = "Redis is away: rooms are not shared with other nodes";
    const BACK: &str = "Redis is back: rooms are shared with other nodes";
    wait_for(async {
        let mut redis = block_in_place(RedisServer::start);
        let proxy = Proxy::before_a_node().await;
        proxy.leads_to((Ipv4Addr::LOCALHOST, redis.port()).into());
        let bus = format!("redis://{}", proxy.address);
        let mut node = Node::start(&["--bus", &bus]).await;
        let mut other = Node::start(&["--bus", &redis.url()]).await;
        let mut heard = node.speaks_until_it_is_heard(&mut other).await;
        assert_eq!((node.lost(), heard), (0, node.said));
        let mut logged = Vec::new();

        // One that hangs first may have taken what it never says.
        for (hangs, tries) in [(false, TRIES), (true, TRIES_AT_ONE_THAT_HANGS)] {
            logged.push(AWAY);
            match hangs {
                true => redis.pause(),
                false => block_in_place(|| redis.crash()),
            }
            node.speaks_in_vain().await;
            let lost = node.lost();
            for _ in 0..7 {
                node.say().await;
            }
            assert_eq!(node.lost(), lost + 7);
            until_tried_again(&proxy, tries).await;
            says(&node, &logged).await;
            // What waits meanwhile is said as soon as it can be: the other one is to hear it.
            proxy.cut();
            if hangs {
                block_in_place(|| redis.crash());
            }
            block_in_place(|| redis.start_again());
            logged.push(BACK);
            says(&other, &logged).await;
            proxy.open();
            says(&node, &logged).await;
            heard += node.speaks_until_it_is_heard(&mut other).await;
            assert_eq!(node.lost() + heard, node.said, "each is heard or counted");
        }
        assert_eq!(node.logged(), node.logged_of_rooms());
    });
}

#[test]
fn an_outage_of_the_database_is_a_line_of_the_log_for_each_that_is_without() {
    const AWAY: &str = "the database is away: rooms are not shared with other nodes";
    const BACK: &str = "the database is back: rooms are shared with other nodes";
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let proxy = Proxy::before(&database.socket()).await;
        let by_proxy = database.url_by(proxy.address);
        let mut node = Node::start(&["--database", &by_proxy]).await;
        let mut other = Node::start(&["--database", &database.url]).await;
        node.speaks_until_it_is_heard(&mut other).await;
        assert_eq!(node.lost(), 0);

        block_in_place(|| database.go_away());
        node.speaks_in_vain().await;
        let before = node.lost();
        for _ in 0..7 {
            node.say().await;
        }
        // That it is there, it says in the same way, from time to time.
        let lost = node.lost() - before;
        assert!(lost >= 7, "{lost}");
        until_tried_again(&proxy, 3 * TRIES).await;
        says(&node, &[AWAY]).await;
        block_in_place(|| database.come_back());
        says(&node, &[AWAY, BACK]).await;
        says(&other, &[AWAY, BACK]).await;
        node.speaks_until_it_is_heard(&mut other).await;
        says(&node, &[AWAY, BACK]).await;
    });
}

async fn until_tried_again(proxy: &Proxy, times: usize) {
    let before = proxy.connections();
    until_async("the node to try again", async || {
        proxy.connections() >= before + times
    })
    .await;
}

/// Waits until the log ends so of rooms, and holds it to a line for each outage and for each end of one.
async fn says(node: &Node, expected: &[&str]) {
    let last = expected.last().unwrap();
    until_async("the log to say so", async || {
        let logged = node.logged_of_rooms();
        logged.len() >= expected.len() && logged.last().unwrap().contains(last)
    })
    .await;
    let logged = node.logged_of_rooms();
    // A node that is held up for long takes what is there to be away, and says so in the same way.
    let is_in_turns = logged
        .iter()
        .zip([expected[0], "is back"].into_iter().cycle())
        .all(|(line, words)| line.contains(words));
    assert!(
        is_in_turns && logged.len() <= expected.len() + MOST_BESIDE,
        "{logged:#?}"
    );
}
