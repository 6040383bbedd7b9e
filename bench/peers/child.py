"""One engine in a process of its own, so that none disturbs another.

    child.py export PEER FOLDER [features]                 writes the network in the engine's own format, and again up to the layer before the classifier
    child.py run    PEER FOLDER THREADS BATCH SETTING      prints its name, then answers each line on standard input:
                                                           `run` with nanoseconds, `output` with the last layer's values
    child.py first  PEER FOLDER THREADS                    prints the features of the folder's picture.npy, and ends
    child.py about  PEER THREADS BATCH                     prints its name, version and settings to choose from
"""
import importlib
import json
import sys
import time

sys.dont_write_bytecode = True


def main(verb, peer, *args):
    if verb == "export":
        from network import Network
        network = Network(args[0], features=len(args) > 1)
        return network.write_weights() if peer == "weights" else importlib.import_module("peer_" + peer).export(network)
    module = importlib.import_module("peer_" + peer)
    if verb == "about":
        threads, batch = map(int, args)
        return print(json.dumps({"name": module.NAME, "version": module.version(), "settings": module.settings(threads, batch)}))
    if verb == "first":
        import numpy as np
        folder, threads = args[0], int(args[1])
        s = module.Session(folder, threads, 1, module.FIRST, np.load(folder + "/picture.npy"), features=True)
        s.run()
        return print(json.dumps(s.output().tolist()))
    from network import Network
    folder, threads, batch, setting = args[0], int(args[1]), int(args[2]), args[3]
    session = module.Session(folder, threads, batch, setting, Network(folder).pictures(batch))
    print(json.dumps(module.NAME), flush=True)
    for line in sys.stdin:
        if line == "run\n":
            start = time.perf_counter_ns()
            session.run()
            answer = time.perf_counter_ns() - start
        else:
            answer = session.output().ravel().tolist()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
