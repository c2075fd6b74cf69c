"""The payment sandbox: a program that stands in for Stripe. No service imports it."""
