/** STUN servers of a node: two that differ tell a symmetric NAT, and two more may be away. */
export const STUN_SERVERS_MAX = 4;
