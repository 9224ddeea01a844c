using System.Net.Sockets;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Transport;

internal sealed class UnixSocketTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["agent.sock"];

    public void Dispose() => _folder.Dispose();

    [Test]
    public async Task The_socket_is_the_owners_and_its_caller_is_local()
    {
        await using (var server = await TestServer.AgentAsync(null, socket: Path))
        {
            await Assert.That(File.GetUnixFileMode(Path)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using var channel = UnixChannel.Open(Path);
            var answer = await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new());
            await Assert.That(answer.Name).IsEqualTo("human/local");
            await Assert.That(answer.Address).IsEqualTo($"uid {LocalPeer.EffectiveUser()}");
            await server.StopAsync(CancellationToken.None);
        }
        await Assert.That(Directory.GetFileSystemEntries(_folder.Path)).IsEmpty();
    }

    [Test]
    public async Task A_socket_that_nobody_answers_on_is_replaced()
    {
        using (var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // As kill -9 leaves it: bound under another name, so that disposing does not remove it.
            killed.Bind(new UnixDomainSocketEndPoint(Path + "x"));
            File.Move(Path + "x", Path);
        }
        await using var server = await TestServer.AgentAsync(null, socket: Path);
        using var channel = UnixChannel.Open(Path);
        await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new());
    }

    [Test]
    public async Task A_socket_that_somebody_answers_on_is_left_alone()
    {
        await using var first = await TestServer.AgentAsync(null, socket: Path);
        var refused = await Assert.That(async () => await TestServer.AgentAsync(null, socket: Path)).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.AlreadyExists);
        using var channel = UnixChannel.Open(Path);
        await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new());
    }

    [Test]
    public async Task What_is_not_a_socket_is_never_removed()
    {
        await File.WriteAllTextAsync(_folder["precious"], "data");
        await File.WriteAllTextAsync(Path, "data");
        await Assert.That(async () => await TestServer.AgentAsync(null, socket: Path)).Throws<McpException>();
        File.Delete(Path);
        File.CreateSymbolicLink(Path, _folder["precious"]);
        await Assert.That(async () => await TestServer.AgentAsync(null, socket: Path)).Throws<McpException>();
        await Assert.That(await File.ReadAllTextAsync(_folder["precious"])).IsEqualTo("data");
    }

    [Test]
    public async Task A_folder_that_others_may_write_is_refused_with_the_command()
    {
        File.SetUnixFileMode(_folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
        var refused = await Assert.That(async () => await TestServer.AgentAsync(null, socket: Path)).Throws<McpException>();
        await Assert.That(refused!.Hint!).IsEqualTo($"chmod go-w {_folder.Path}");
    }

    [Test]
    public async Task A_path_that_is_too_long_says_so()
    {
        var refused = await Assert.That(async () => await TestServer.AgentAsync(null, socket: _folder[new string('x', 120)])).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.InvalidArgument);
    }

    [Test]
    public async Task Nobody_there_is_said_in_words()
    {
        using var channel = UnixChannel.Open(Path);
        var fault = await Assert.That(async () => await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new())).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unavailable);
        await Assert.That(fault.Message).IsEqualTo($"the role at {Path} cannot be reached");
    }
}
