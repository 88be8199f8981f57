"""What trains differently from mini-batch descent on given rows: layer-wise `pretrain`,
`full_batch` methods that choose their own steps, and adaptive sampling, in the
`importance_sampling_loop` over `sampling_groups`.
"""
