"""The capture process of one camera: opens its source, keeps packets, decodes what is analysed."""
