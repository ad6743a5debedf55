//! Who is who in a cluster.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A node: a server or a client. Servers come first, then clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u16);

impl NodeId {
    /// Its place in lists of nodes.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What a node is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Server,
    Client,
    /// A client that is told to change the cluster itself; its operations are not part of the history.
    Admin,
}

/// The nodes of a run: `servers` servers, of which the first `members` belong to the cluster from the
/// start and the others may join, then `clients` clients, then one administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub members: u16,
    pub servers: u16,
    pub clients: u16,
}

impl Cluster {
    /// A cluster without spare servers.
    pub fn new(servers: u16, clients: u16) -> Self {
        Self { members: servers, servers, clients }
    }

    /// All nodes, the administrator included.
    pub fn len(self) -> usize {
        usize::from(self.servers) + usize::from(self.clients) + 1
    }

    /// Whether there are no nodes: never, as there is an administrator.
    pub fn is_empty(self) -> bool {
        false
    }

    /// All nodes in order.
    pub fn nodes(self) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (0..self.len() as u16).map(NodeId)
    }

    /// All servers, spare ones included.
    pub fn servers(self) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (0..self.servers).map(NodeId)
    }

    /// The servers that belong to the cluster from the start.
    pub fn members(self) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (0..self.members).map(NodeId)
    }

    /// The clients whose operations make the history.
    pub fn clients(self) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (self.servers..self.servers + self.clients).map(NodeId)
    }

    /// The administrator.
    pub fn admin(self) -> NodeId {
        NodeId(self.servers + self.clients)
    }

    /// What a node is there for.
    pub fn role(self, node: NodeId) -> Role {
        match node.0 {
            number if number < self.servers => Role::Server,
            number if number < self.servers + self.clients => Role::Client,
            _ => Role::Admin,
        }
    }

    /// `n1`, `n2`, … for servers, `c1`, `c2`, … for clients, `admin`.
    pub fn name(self, node: NodeId) -> Name {
        match self.role(node) {
            Role::Server => Name('n', node.0 + 1),
            Role::Client => Name('c', node.0 - self.servers + 1),
            Role::Admin => Name('a', 0),
        }
    }

    /// The node of a name, if there is one.
    pub fn find(self, name: &str) -> Option<NodeId> {
        self.nodes().find(|node| self.name(*node).to_string() == name)
    }
}

/// A node's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(char, u16);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self('a', _) => f.write_str("admin"),
            Self(letter, number) => write!(f, "{letter}{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        let cluster = Cluster { members: 3, servers: 5, clients: 2 };
        let names: Vec<String> = cluster.nodes().map(|node| cluster.name(node).to_string()).collect();
        assert_eq!(names, ["n1", "n2", "n3", "n4", "n5", "c1", "c2", "admin"]);
        for node in cluster.nodes() {
            assert_eq!(cluster.find(&cluster.name(node).to_string()), Some(node));
        }
        assert_eq!(cluster.find("n6"), None);
    }
}
