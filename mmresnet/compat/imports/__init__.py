"""What other packages import for parts that few programs use is imported when one is used."""
