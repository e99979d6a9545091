"""What the chapters examine VAEs with, and a borrower of the models need not import."""
