"""What tests share: data, models, plans, servers and screens."""
