# What the API is told. bash sources it (the command of bklog-api does), and otpsup reads it as an
# env_file; therefore there are plain values only.
export LAN_IP=127.0.0.1
export BKLOG_API_PORT=__API_PORT__
export PATH=__ENV__/bin:/usr/local/bin:/usr/bin:/bin
export REDIS_HOST=127.0.0.1
export REDIS_PORT=__REDIS_PORT__
export CONSUL_ADDRESS=__CONSUL__
