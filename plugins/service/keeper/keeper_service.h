#ifndef L2P_PLUGINS_SERVICE_KEEPER_KEEPER_SERVICE_H_
#define L2P_PLUGINS_SERVICE_KEEPER_KEEPER_SERVICE_H_

#include <memory>
#include <vector>

#include "auditor.h"
#include "keeping.h"
#include "l2p/group_status.h"
#include "prober.h"
#include "repairer.h"
#include "roster.h"

namespace l2p::keeper {

// The KeeperService keeps what this node has promised to keep from dying out: it watches the other
// holders of its groups (Prober), makes sure that they have what they say (Auditor), and replaces
// what is lost (Repairer).
class KeeperService final : public Service {
 public:
  static constexpr Duration kTick = absl::Minutes(1);

  // `host` is lent and outlives this.
  KeeperService(Host& host, Options options);
  ~KeeperService() override;

  absl::Status Start(Node& node) override;
  void Stop() override;

 private:
  // Lives from Start to Stop.
  struct Work {
    Work(Host& host, Node& node, Roster& roster, const Options& options, Event& stopping)
        : keeping{host, node, roster, options, stopping},
          prober(keeping),
          auditor(keeping),
          repairer(keeping) {}

    Keeping keeping;
    Prober prober;
    Auditor auditor;
    Repairer repairer;
    std::vector<std::unique_ptr<Registration>> registrations;  // Ended first.
  };

  absl::Status Serve(Work& work);
  void Tick(Work& work);
  void Save(Work& work);
  // Takes on the groups that are held now and were not before.
  void Sync(Work& work);
  bool IsSynced();
  void Adopt(Work& work, const HeldGroup& held);
  void UpdateOpinions(Work& work);
  absl::StatusOr<std::optional<Bytes>> Answer(Work& work, const Caller& from, ByteView request);
  absl::StatusOr<std::optional<Bytes>> TellStatus(Work& work, ByteView request);

  Host& host_;
  const Options options_;
  const std::unique_ptr<Event> stopping_;
  std::unique_ptr<Roster> roster_;
  State* state_ = nullptr;
  std::unique_ptr<Work> work_;
  Mutex mutex_{"KeeperService"};
  bool syncing_ L2P_GUARDED_BY(mutex_) = false;
  // Until then a list of this node's groups would deny those that it has not come to yet, and a
  // consent would be one of somebody who has nothing of the group.
  bool is_synced_ L2P_GUARDED_BY(mutex_) = false;
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_KEEPER_SERVICE_H_
