"""What a person looks at: campaigns, as pages of FireWorks' own site."""
