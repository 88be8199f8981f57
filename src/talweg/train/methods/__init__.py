"""What trains differently from mini-batch descent on rows in order: layer-wise `pretrain`,
`full_batch` methods that choose their own passes, and `adaptive_sampling`.
"""
