"""Patient knowledge distillation of BERT-like classifiers (Sun et al., EMNLP 2019).

Plain PyTorch and transformers: nothing here imports Ray, Optuna, pandas or matplotlib, so that it
runs on any machine with a GPU and inside anybody's training loop. ``study`` puts it on Ray Tune.
"""
