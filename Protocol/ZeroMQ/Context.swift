// The thinnest layer over libzmq: filled by Socket.swift and its neighbours.
