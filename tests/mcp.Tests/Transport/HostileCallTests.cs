using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Mcp.Transport;

namespace Mcp.Tests.Transport;

/// <summary>FAULTS rows 54 to 58, with a bare HTTP/2 client so that nothing of ours softens the blow.</summary>
internal sealed class HostileCallTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    [Test]
    public async Task Only_tls_1_3_is_spoken()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        await Assert.That(async () => await HandshakeAsync(server, SslProtocols.Tls12, [SslApplicationProtocol.Http2])).Throws<Exception>();
        await Assert.That(await HandshakeAsync(server, SslProtocols.Tls13, [SslApplicationProtocol.Http2])).IsEqualTo(SslApplicationProtocol.Http2);
    }

    [Test]
    public async Task Without_http2_in_the_handshake_the_connection_ends()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        await Assert.That(async () => await HandshakeAsync(server, SslProtocols.Tls13, [SslApplicationProtocol.Http11])).Throws<Exception>();

        // No ALPN at all: the handshake succeeds and the server closes instead of guessing a protocol.
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Endpoints[0].Port);
        using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => DateTime.UtcNow.Year > 2000);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "x", EnabledSslProtocols = SslProtocols.Tls13 });
        await AssertClosedAsync(tls, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
    }

    [Test]
    public async Task Plain_text_on_a_tls_port_ends()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        foreach (var bytes in new[] { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0", "GET / HTTP/1.1\r\nHost: x\r\n\r\n" })
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, server.Endpoints[0].Port);
            await AssertClosedAsync(socket.GetStream(), System.Text.Encoding.Latin1.GetBytes(bytes));
        }
        await StillServesAsync(server);
    }

    [Test]
    public async Task A_compressed_request_is_refused_unread()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            gzip.Write(new byte[64 * 1024 * 1024]);
        var length = (int)packed.Length;
        byte[] message = [1, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length, .. packed.ToArray()];
        await Assert.That(await StatusAsync(server, message, r => r.Headers.Add("grpc-encoding", "gzip"))).IsEqualTo("3");
        // The flag without the header is a lie, and no better.
        await Assert.That(await StatusAsync(server, message, _ => { })).IsNotEqualTo("0");
        await StillServesAsync(server);
    }

    [Test]
    public async Task A_message_over_4_MiB_is_refused()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        var length = 4 * 1024 * 1024 + 1;
        byte[] header = [0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];
        await Assert.That(await StatusAsync(server, [.. header, .. new byte[length]], _ => { })).IsEqualTo("8");
        // A length that promises 4 GiB allocates nothing.
        await Assert.That(await StatusAsync(server, [0, 0xff, 0xff, 0xff, 0xff, 1], _ => { })).IsNotEqualTo("0");
        await StillServesAsync(server);
    }

    [Test]
    public async Task Ten_thousand_headers_end_the_call()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        await Assert.That(await StatusAsync(server, [0, 0, 0, 0, 0], r =>
        {
            for (var i = 0; i < 10_000; i++)
                r.Headers.TryAddWithoutValidation($"x-{i}", "y");
        })).IsNotEqualTo("0");
        await Assert.That(await StatusAsync(server, [0, 0, 0, 0, 0], r => r.Headers.TryAddWithoutValidation("x-large", new string('y', 60 * 1024)))).IsNotEqualTo("0");
        await StillServesAsync(server);
    }

    [Test]
    public async Task A_time_limit_must_be_sane()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        foreach (var bad in new[] { "0S", "0n", "-1S", "99999999H", "25H", "1", "S", "1x", "999999999S", "1.5S", " 1S", "١S" })
            await Assert.That((bad, await StatusAsync(server, [0, 0, 0, 0, 0], r => r.Headers.TryAddWithoutValidation("grpc-timeout", bad)))).IsNotEqualTo((bad, "0"));
        foreach (var good in new[] { "24H", "5M", "30S", "10000m", "99999999u" })
            await Assert.That((good, await StatusAsync(server, [0, 0, 0, 0, 0], r => r.Headers.TryAddWithoutValidation("grpc-timeout", good)))).IsEqualTo((good, "0"));
    }

    [Test]
    public async Task An_operation_id_must_be_one()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        foreach (var bad in new[] { "short", "UPPER-CASE-1", "with space", new string('a', 65), "../../etc/passwd" })
            await Assert.That((bad, await StatusAsync(server, [0, 0, 0, 0, 0], r => r.Headers.TryAddWithoutValidation("mcp-operation", bad)))).IsEqualTo((bad, "3"));
        await Assert.That(await StatusAsync(server, [0, 0, 0, 0, 0], r => r.Headers.Add("mcp-operation", "operation-1"), "GetOperation")).IsEqualTo("0");
        await Assert.That(await StatusAsync(server, [0, 0, 0, 0, 0], _ => { }, "GetOperation")).IsEqualTo("3");
    }

    [Test]
    public async Task Other_shapes_of_calls_reach_nothing()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var client = Client();
        foreach (var (type, path) in new[]
        {
            ("application/grpc-web", "/mcp.v1.McpAgentService/NodeStatus"), ("application/json", "/mcp.v1.McpAgentService/NodeStatus"),
            ("application/grpc", "/mcp.v1.McpAgentService/NodeStatus/"), ("application/grpc", "//mcp.v1.McpAgentService/NodeStatus"),
            ("application/grpc", "/MCP.V1.MCPAGENTSERVICE/NODESTATUS"), ("application/grpc", "/mcp.v1.McpAgentService/%4eodeStatu%00s"), ("application/grpc", "/"),
        })
        {
            using var request = Request(server, [0, 0, 0, 0, 0], path: path, type: type);
            await Assert.That((path, type, await SendAsync(client, request))).IsNotEqualTo((path, type, "0"));
        }
        await StillServesAsync(server);
    }

    [Test]
    public async Task Garbage_in_a_message_is_refused()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        foreach (var body in new byte[][]
        {
            [0, 0, 0, 0, 3, 0x0a, 0xff, 0x01],                // a string longer than the message
            [0, 0, 0, 0, 4, 0x0a, 0x02, 0xc3, 0x28],          // invalid UTF-8
            [0, 0, 0, 0, 1, 0x07],                            // an unknown wire type
            [0, 0, 0],                                        // half a header
            [],
        })
        {
            await Assert.That(await StatusAsync(server, body, _ => { }, "GetServiceStatus")).IsNotEqualTo("0");
        }
        await StillServesAsync(server);
    }

    private async Task StillServesAsync(RoleServer server) => await Assert.That(await StatusAsync(server, [0, 0, 0, 0, 0], _ => { })).IsEqualTo("0");

    private async Task<string> StatusAsync(RoleServer server, byte[] body, Action<HttpRequestMessage> change, string method = "NodeStatus")
    {
        using var client = Client();
        using var request = Request(server, body, $"/mcp.v1.McpAgentService/{method}", "application/grpc");
        change(request);
        return await SendAsync(client, request);
    }

    private static async Task<string> SendAsync(HttpClient client, HttpRequestMessage request)
    {
        try
        {
            using var response = await client.SendAsync(request);
            await response.Content.ReadAsByteArrayAsync();
            return Status(response);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return "cut";
        }
    }

    private static string Status(HttpResponseMessage response) =>
        response.Headers.TryGetValues("grpc-status", out var early) ? early.Single()
        : response.TrailingHeaders.TryGetValues("grpc-status", out var late) ? late.Single()
        : $"http {(int)response.StatusCode}";

    private static HttpRequestMessage Request(RoleServer server, byte[] body, string path, string type)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"https://127.0.0.1:{server.Endpoints[0].Port}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new(type);
        request.Headers.Add("te", "trailers");
        return request;
    }

    private HttpClient Client()
    {
        return new(new SocketsHttpHandler
        {
            SslOptions = new()
            {
                ClientCertificateContext = _fleet.Issue("human/admin").Current.Context,
                RemoteCertificateValidationCallback = (_, _, _, _) => DateTime.UtcNow.Year > 2000,
            },
        })
        { Timeout = TimeSpan.FromSeconds(30) };
    }

    private static async Task<SslApplicationProtocol> HandshakeAsync(RoleServer server, SslProtocols protocols, List<SslApplicationProtocol> alpn)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Endpoints[0].Port);
        using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => DateTime.UtcNow.Year > 2000);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "x", EnabledSslProtocols = protocols, ApplicationProtocols = alpn });
        return tls.NegotiatedApplicationProtocol;
    }

    private static async Task AssertClosedAsync(Stream stream, byte[] bytes)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var read = 0;
        try
        {
            await stream.WriteAsync(bytes, limit.Token);
            var buffer = new byte[1024];
            while (await stream.ReadAsync(buffer, limit.Token) is > 0 and var n)
                read += n;
        }
        catch (IOException)
        {
            // Reset is closed, too.
        }
        await Assert.That(read).IsLessThan(1024);
    }
}
