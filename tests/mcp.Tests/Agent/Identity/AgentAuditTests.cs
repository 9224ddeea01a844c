using Mcp.Agent.Identity;
using Mcp.Agent.Registry;
using Mcp.Master;
using Mcp.Master.Identity;
using Mcp.Master.Reading;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Agent.Identity;

/// <summary>One audit for the whole fleet: who was refused on a node is read beside who was refused by the master.</summary>
public class AgentAuditTests
{
    [Test]
    public async Task Refusals_on_a_node_reach_the_masters_audit_and_what_the_master_asked_itself_does_not_twice()
    {
        using var folder = new TemporaryFolder();
        using var own = AgentDatabase.Open(folder["mcp.db"], TimeProvider.System);
        var events = new Mcp.Agent.Registry.EventStore(own, "orion", TimeProvider.System);
        var audit = new AgentAudit(events);
        audit.Record(Entry("master/mcp-master", "PurgeData", "FailedPrecondition"));
        audit.Record(Entry("master/mcp-master", "Deploy", "OK"));
        audit.Record(Entry("agent/vega", "ExportServiceData", "PermissionDenied"));
        audit.Record(Entry("human/alice", "StopService", "OK"));
        audit.Record(Entry("human/mallory", "StopService", "PermissionDenied"));

        using var database = MasterDatabase.Open(folder["master.db"], TimeProvider.System);
        var report = new ReportActionsRequest { Actions = { events.DirectAfter(0, 100) } };
        ActionReports.Store(database, "orion", report, "2026-01-01T00:00:00Z");
        ActionReports.Store(database, "orion", report, "2026-01-01T00:00:00Z");
        var read = database.Read(c => AuditStore.After(c, 0, new EventsRequest { Audit = true }, 100));
        await Assert.That(read.Select(e => $"{e.Kind} {e.Principal} {e.Node}")).IsEquivalentTo(["denied agent/vega orion", "call human/alice orion", "denied human/mallory orion"]);
        await Assert.That(read[0].Message).Contains("ExportServiceData by agent/vega").And.Contains("PermissionDenied");
    }

    private static AuditEntry Entry(string principal, string method, string outcome) =>
        new(DateTimeOffset.UtcNow, principal, "10.0.0.9:1", method, "notes", null, null, outcome, null);
}
