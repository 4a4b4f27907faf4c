//! Consign: the order-fulfilment core that a company's other services call over gRPC.

pub mod domain;
