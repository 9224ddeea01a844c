using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;

namespace Mcp.Tests.Operations;

public class ServiceLocksTests
{
    private static readonly ServiceName Notes = ServiceName.Parse("notes");

    [Test]
    public async Task The_second_waits_is_told_for_what_and_gets_its_turn()
    {
        var locks = new ServiceLocks(TimeProvider.System);
        var first = await locks.AcquireAsync(Notes, "deploy 1", TimeSpan.FromSeconds(5), null, CancellationToken.None);
        string? told = null;
        var second = locks.AcquireAsync(Notes, "undeploy 2", TimeSpan.FromSeconds(30), m => told = m, CancellationToken.None);
        await Assert.That(second.IsCompleted).IsFalse();
        await Assert.That(told).Contains("deploy 1");
        first.Dispose();
        using (await second)
            await Assert.That(locks.HolderOf(Notes)).IsEqualTo("undeploy 2");
        await Assert.That(locks.HolderOf(Notes)).IsNull();
    }

    [Test]
    public async Task Waiting_ends_with_the_holder_named()
    {
        var locks = new ServiceLocks(TimeProvider.System);
        using var first = await locks.AcquireAsync(Notes, "deploy 1", TimeSpan.FromSeconds(5), null, CancellationToken.None);
        var fault = await Assert.That(async () => await locks.AcquireAsync(Notes, "x", TimeSpan.FromMilliseconds(20), null, CancellationToken.None)).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Aborted);
        await Assert.That(fault.Message).Contains("deploy 1");
        await Assert.That(locks.TryAcquire(Notes, "snapshot")).IsNull();
    }

    [Test]
    public async Task Another_service_is_free_and_a_lock_is_released_once()
    {
        var locks = new ServiceLocks(TimeProvider.System);
        var first = await locks.AcquireAsync(Notes, "deploy 1", TimeSpan.FromSeconds(5), null, CancellationToken.None);
        using (locks.TryAcquire(ServiceName.Parse("other"), "y"))
            await Assert.That(locks.HolderOf(ServiceName.Parse("other"))).IsEqualTo("y");
        first.Dispose();
        first.Dispose();
        using var a = locks.TryAcquire(Notes, "a");
        await Assert.That(a).IsNotNull();
        await Assert.That(locks.TryAcquire(Notes, "b")).IsNull();
    }
}
