// The key functions of every interface: their vtables and type information live in libl2p-sdk.so
// alone, so that all plugins and the kernel agree on them.
#include "l2p/block_store.h"
#include "l2p/chunker.h"
#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/folder.h"
#include "l2p/folder_path.h"
#include "l2p/hasher.h"
#include "l2p/host.h"
#include "l2p/listeners.h"
#include "l2p/messenger.h"
#include "l2p/metrics.h"
#include "l2p/router.h"
#include "l2p/runtime.h"
#include "l2p/service.h"
#include "l2p/state.h"
#include "l2p/tasks.h"
#include "l2p/transport.h"

namespace l2p {

Event::~Event() = default;
Registration::~Registration() = default;
Tasks::~Tasks() = default;
File::~File() = default;
Folder::~Folder() = default;
FolderPath::~FolderPath() = default;
State::~State() = default;
Metric::~Metric() = default;
Metrics::~Metrics() = default;
Identity::~Identity() = default;
Crypto::~Crypto() = default;
Runtime::~Runtime() = default;
Listeners::~Listeners() = default;
Host::~Host() = default;
Hasher::~Hasher() = default;
Chunker::~Chunker() = default;
BlockStore::~BlockStore() = default;
Stream::~Stream() = default;
Connection::~Connection() = default;
Inbound::~Inbound() = default;
Transport::~Transport() = default;
Calls::~Calls() = default;
Messenger::~Messenger() = default;
ProviderQuery::~ProviderQuery() = default;
Router::~Router() = default;
NodeBlocks::~NodeBlocks() = default;
HeldGroups::~HeldGroups() = default;
NodePeers::~NodePeers() = default;
Node::~Node() = default;
Service::~Service() = default;

}  // namespace l2p
