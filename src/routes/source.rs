//! Where a request comes from, as far as what is shared out by sources goes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An IPv4 address, or the half of an IPv6 address that a provider gives out: whoever has one address of a
/// /64 has all of them. `None`: the connection has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source(Option<IpAddr>);

impl Source {
    pub(super) fn of(peer: Option<SocketAddr>) -> Self {
        Self(peer.map(|address| match address.ip().to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & (!0 << 64);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            address @ IpAddr::V4(_) => address,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_network_of_the_new_sort() {
        let of = |text: &str| Source::of(Some(text.parse().expect(text)));
        assert_ne!(of("192.0.2.1:1"), of("192.0.2.2:1"));
        assert_eq!(of("192.0.2.1:1"), of("[::ffff:192.0.2.1]:2"));
        assert_eq!(of("[2001:db8::1]:1"), of("[2001:db8::ffff:2]:2"));
        assert_ne!(of("[2001:db8::1]:1"), of("[2001:db8:0:1::1]:1"));
    }
}
